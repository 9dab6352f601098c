"""What several decoding tests share."""

import pytest
from tests.decoding.models import twins

from headway.models.transformer import EncoderDecoder


@pytest.fixture(scope="session")
def tiny() -> EncoderDecoder:
    """A model whose outputs end early, but not all."""
    return twins(0)[0]
