"""A function of the kit with one edit of its text, while the tests of it run."""

import __future__

import ast
import contextlib
import inspect
import os
import tempfile
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
    "-pno:unraisableexception",  # collects all garbage, twice
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

    def made(self) -> contextlib.AbstractContextManager[None]:
        """The edit is made, for everybody who has the function."""
        return rewritten(self.function, self.name, self._edited())

    def _edited(self) -> str:
        text = textwrap.dedent(inspect.getsource(self.function))
        assert text.count(self.old) == 1, f"{self.old!r} stands {text.count(self.old)} times"
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Statement:
    """One statement of a function that is nothing but a call, such as an expectation.

    Attributes:
        callee: the name of what is called.
        line: of the function's text.
        decides: whether its second argument may hold and may not.
    """

    function: Callable[..., Any]
    callee: str
    line: int
    decides: bool

    @property
    def name(self) -> str:
        return f"{self.function.__qualname__}: {self.callee} in line {self.line}"

    def disabled(self) -> contextlib.AbstractContextManager[None]:
        """Nothing is called there."""
        return rewritten(self.function, self.name, self._with(lambda _: ast.Pass()))

    def inverted(self) -> contextlib.AbstractContextManager[None]:
        """Its second argument, what has to hold of a clause, is the opposite."""

        def opposite(statement: ast.Expr) -> ast.Expr:
            assert isinstance(statement.value, ast.Call)
            arguments = statement.value.args
            arguments[1] = ast.UnaryOp(ast.Not(), arguments[1])
            return statement

        return rewritten(self.function, self.name, self._with(opposite))

    def _with(self, change: Callable[[ast.Expr], ast.stmt]) -> ast.Module:
        tree = _tree(self.function)
        line = self.line

        class Changing(ast.NodeTransformer):
            def visit_Expr(self, node: ast.Expr) -> ast.stmt:
                return change(node) if node.lineno == line else node

        return ast.fix_missing_locations(Changing().visit(tree))


def statements(function: Callable[..., Any], prefixes: tuple[str, ...]) -> list[Statement]:
    """The statements of a function that call what is named with one of the prefixes."""
    found = []
    for node in ast.walk(_tree(function)):
        call = node.value if isinstance(node, ast.Expr) else None
        call = call.value if isinstance(call, ast.Await) else call
        named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if named and call.func.id.startswith(prefixes):
            decides = len(call.args) > 2 and not isinstance(call.args[1], ast.Constant)
            of_a_clause = call.func.id == "expect"
            found.append(Statement(function, call.func.id, node.lineno, of_a_clause and decides))
    return found


def _tree(function: Callable[..., Any]) -> ast.Module:
    """The function by itself, without what it is decorated with."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    definition.decorator_list = []
    return tree


@contextlib.contextmanager
def rewritten(function: Callable[..., Any], name: str, text: str | ast.Module) -> Iterator[None]:
    """The function has another text, for everybody who has it."""
    assert isinstance(function, types.FunctionType)
    module = compile(text, name, "exec", __future__.annotations.compiler_flag, True)
    whole = function.__code__
    codes = (each for each in module.co_consts if isinstance(each, types.CodeType))
    function.__code__ = next(codes)
    try:
        yield
    finally:
        function.__code__ = whole


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
    named = [str(TESTS / file) for file in files]
    with tempfile.TemporaryDirectory() as folder:
        alone = [*_ALONE, f"--basetemp={folder}/tests"]
        status = pytest.main([*alone, *named], plugins=[outcome])
    assert outcome.passed or outcome.failed, f"pytest says {int(status)}"
    return bool(outcome.failed)
