"""A function of the kit with one edit of its text, while the tests of it run."""

import __future__

import contextlib
import inspect
import os
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
# A session within the one that runs, which touches nothing of it.
_ALONE = (
    f"-c{os.devnull}",
    f"--rootdir={TESTS.parent}",
    "--import-mode=importlib",
    "--assert=plain",
    *(f"-pno:{name}" for name in ("cacheprovider", "terminal", "xdist", "timeout", "warnings")),
    "-mnot slow",
    "-x",
)


@dataclass(frozen=True)
class Edit:
    """One edit of a function's text: `old`, which stands there once, becomes `new`."""

    function: Callable[..., Any]
    old: str
    new: str

    @property
    def name(self) -> str:
        return f"{self.function.__qualname__}: {self.old} -> {self.new or 'nothing'}"

    @contextlib.contextmanager
    def made(self) -> Iterator[None]:
        """The edit is made, for everybody who has the function."""
        assert isinstance(self.function, types.FunctionType)
        whole = self.function.__code__
        self.function.__code__ = self._edited()
        try:
            yield
        finally:
            self.function.__code__ = whole

    def _edited(self) -> types.CodeType:
        text = textwrap.dedent(inspect.getsource(self.function))
        assert text.count(self.old) == 1, f"{self.old!r} stands {text.count(self.old)} times"
        edited = text.replace(self.old, self.new)
        module = compile(edited, self.name, "exec", __future__.annotations.compiler_flag, True)
        return next(each for each in module.co_consts if isinstance(each, types.CodeType))


class _Outcome:
    """Hears of the tests of a session."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.append(report.nodeid)


def red(*files: str) -> bool:
    """Whether one of the tests in these files fails, those aside that take seconds."""
    outcome = _Outcome()
    status = pytest.main([*_ALONE, *(str(TESTS / file) for file in files)], plugins=[outcome])
    assert outcome.passed or outcome.failed, f"pytest says {int(status)}"
    return bool(outcome.failed)
