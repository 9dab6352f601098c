"""What several decoding tests share."""

import pytest

from headway.models.transformer import EncoderDecoder
from tests.decoding.models import twins


@pytest.fixture(scope="session")
def tiny() -> EncoderDecoder:
    """A model whose outputs end early, but not all."""
    return twins(0)[0]
