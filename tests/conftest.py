"""The order of the tests, and how many run at a time."""

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no core waits for another at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(optionalhook=True)  # the oracle runs tests without xdist
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a third of what the tests take is waiting."""
    return (os.cpu_count() or 1) + 1
