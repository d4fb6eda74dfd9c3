"""How fast the reference server is beside a real codex; `python -m benchmarks --help`."""
