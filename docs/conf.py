"""How Sphinx builds the pages."""

project = "codex-conformance"
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "alabaster"
html_theme_options = {"description": "The account protocol of codex app-server, judged"}
exclude_patterns = ["_build"]
nitpicky = True
