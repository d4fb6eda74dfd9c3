"""Gathers the rows of the kill matrix, wherever they were found; writes the page or compares."""

import os

import matrix
import pytest

_ROWS = pytest.StashKey[dict[str, matrix.Row]]()
_RAN = pytest.StashKey[list[int]]()
_FAULTS = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    what = "the page has to be what the run says already; nothing is written"
    parser.addoption("--page-is-current", action="store_true", help=what)
    what = "run also the cases that the fault of a mutant does not reach"
    parser.addoption("--every-case", action="store_true", help=what)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """As many as there are cores: what is judged by a virtual clock waits for nothing."""
    return os.cpu_count() or 1


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = {}
    config.stash[_RAN] = []
    config.stash[_FAULTS] = []
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
                elif name == "ran":
                    self._config.stash[_RAN].append(int(str(value)))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write or compare the matrix if all of it was run; a case that is idle is an error."""
        if hasattr(self._config, "workerinput"):
            return
        found, compares = self._config.stash[_ROWS], self._config.getoption("page_is_current")
        faults = self._config.stash[_FAULTS]
        if found.keys() == matrix.mutants().keys():
            rows = [found[target] for target in matrix.mutants()]
            faults += matrix.idle_faults(rows)
            if compares:
                faults += matrix.stale(matrix.files(rows))
            else:
                for path, text in matrix.files(rows).items():
                    path.write_text(text)
        elif compares:
            faults.append(f"{len(found)} of {len(matrix.mutants())} mutants have a row")
        if faults:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        ran = sum(self._config.stash[_RAN])
        terminalreporter.write_line(f"MATRIX {ran} times a case was run against a mutant")
        for line in self._config.stash[_FAULTS]:
            terminalreporter.write_line(f"MATRIX {line}", red=True)
