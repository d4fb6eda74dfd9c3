"""The console script: `serve` at once, since whoever starts it waits; all else through click."""

import gc
import sys


def main() -> None:
    """Run the command that the arguments name."""
    if sys.argv[1:2] == ["serve"]:
        gc.disable()  # imports leave nothing to collect; the server turns it on
        from codex_conformance.stand_in.launch import serve

        sys.exit(serve(sys.argv[2:]))
    from codex_conformance.cli import main as run_command

    run_command()
