"""`python -m codex_reference_server`."""

import sys

from codex_reference_server.main import main

sys.exit(main(sys.argv[1:]))
