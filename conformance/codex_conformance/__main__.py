"""`python -m codex_conformance`."""

from codex_conformance.cli import main

main()
