"""Closes the log of every training that a test built, however the test ended."""

from collections.abc import Iterator

import pytest

from tests.training.translator import LOGS


@pytest.fixture(autouse=True)
def _closed_logs() -> Iterator[None]:
    yield
    while LOGS:
        LOGS.pop().close()
