"""Gathers the rows of the kill matrix from wherever they were found, and writes the page."""

import json

import matrix
import pytest

_ROWS = pytest.StashKey[dict[str, matrix.Row]]()
_IDLE = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = {}
    config.stash[_IDLE] = []
    config.pluginmanager.register(Gatherer(config))


class Gatherer:
    """Hears of every test, also of those that other processes ran."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            for name, value in report.user_properties:
                if name == "row":
                    row = matrix.Row.parse(str(value))
                    self._config.stash[_ROWS][row.target] = row

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the matrix if all of it was run; a case that no mutant turns red is an error."""
        found = self._config.stash[_ROWS]
        if hasattr(self._config, "workerinput") or found.keys() != matrix.mutants().keys():
            return
        rows = [found[target] for target in matrix.mutants()]
        idle = matrix.idle(rows)
        self._config.stash[_IDLE] = [
            *(f"no mutant turns {case} red" for case in sorted(idle - matrix.IDLE.keys())),
            *(f"{case} is not idle any more" for case in sorted(matrix.IDLE.keys() - idle)),
        ]
        if self._config.stash[_IDLE]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        matrix.PAGE.write_text(matrix.page(rows))
        matrix.FIGURES.write_text(json.dumps(matrix.figures(rows), indent=1) + "\n")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._config.stash[_IDLE]:
            terminalreporter.write_line(f"IDLE {line}", red=True)
