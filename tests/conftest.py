"""The order of the tests."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no core waits for another at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
