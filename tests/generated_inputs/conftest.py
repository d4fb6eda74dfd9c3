"""The same inputs in every run; `make fuzz` and `--hypothesis-seed` draw others."""

import pytest
from hypothesis import HealthCheck, settings


def pytest_configure(config: pytest.Config) -> None:
    seeded = config.getoption("--hypothesis-seed", None) is not None
    settings.register_profile(
        "same",
        derandomize=not seeded,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("same")
