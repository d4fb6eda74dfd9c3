"""`python -m codex_reference_server`."""

import gc
import sys

gc.disable()  # imports leave nothing to collect, and collecting took a tenth of the start

from codex_reference_server.main import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
