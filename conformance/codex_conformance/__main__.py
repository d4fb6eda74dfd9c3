"""`python -m codex_conformance`."""

from codex_conformance.start import main

main()
