"""What every test stands on: one thread a process, no network, no window, and examples that are the same every time."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes with a thread each: tiny tensors gain nothing from more
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("headway", deadline=None, derandomize=True)
settings.load_profile("headway")

SLOW = Path(__file__).parent / "slow"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks everything under tests/slow."""
    for item in items:
        if SLOW in item.path.parents:
            item.add_marker(pytest.mark.slow)
