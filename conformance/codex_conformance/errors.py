"""How a run can go wrong: a small class each, with what was expected and what came."""


class ConformanceError(Exception):
    """The run cannot go on: bad usage, an unfit target, a file that cannot be read.

    Args:
        message: one sentence: what, where, expected, got.
        hint: what to do next, or empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UnfitTargetError(ConformanceError):
    """The opening conversation failed: nothing that followed would mean anything."""


class BaselineError(ConformanceError):
    """The baseline file cannot be read as one."""


class UsageError(ConformanceError):
    """The command line asks for something that does not exist."""


def leaves(error: BaseException) -> list[BaseException]:
    """The exceptions in a group of groups, or the exception itself."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in leaves(part)]
    return [error]
