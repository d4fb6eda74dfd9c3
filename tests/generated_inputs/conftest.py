"""The same inputs in every run; `make fuzz` draws others, and prints its seed."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "same",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("same")


@pytest.fixture(autouse=True, scope="session")
def homes_in_memory() -> None:
    if Path("/dev/shm").is_dir():
        tempfile.tempdir = "/dev/shm"
