"""Judges a parent application: starts it with a stand-in for codex, and looks at what it does."""
