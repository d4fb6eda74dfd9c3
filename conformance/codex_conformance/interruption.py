"""How a run is interrupted: by ^C, or by SIGTERM, which ends it alike."""

import signal


def interruptible() -> None:
    """Let SIGINT and SIGTERM raise `KeyboardInterrupt` in this process from now on.

    A shell without job control has what it starts with `&` ignore SIGINT: such a run, too, tells
    what it found when somebody ends it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
