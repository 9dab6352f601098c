"""The data contract: bytes go there and back, what is no distribution is refused, names and offsets fit the text."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.errors import CheckpointError, ConfigError
from headway.explain.blobs import pack, thumbnails, u8s, unpack
from headway.explain.trace import Model, Token, Trace
from tests.explain import samples


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 99))
def test_a_byte_is_a_weight_to_two_digits(heads: int, rows: int, keys: int, causal: bool, seed: int) -> None:
    keys = rows if causal else keys
    weights = samples.weights(np.random.default_rng(seed), heads, rows, keys, causal=causal)
    found = unpack(pack(u8s(weights), causal=causal))
    assert found.shape == weights.shape
    assert np.abs(found - weights).max() <= 0.0039 + 1e-6
    assert not causal or not np.triu(found, 1).any()


def test_packing_never_makes_it_longer_and_a_triangle_is_half() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64), dtype=np.uint8)
    assert "enc" not in pack(noise)
    assert pack(np.tril(noise), causal=True)["bytes"] == 2 * 64 * 65 // 2
    assert pack(np.zeros((2, 64, 64), np.uint8))["enc"] == "deflate-raw"


def test_a_thin_diagonal_survives_in_a_thumbnail() -> None:
    small = thumbnails(np.eye(500, k=-3, dtype=np.uint8)[None])
    assert small.shape == (1, 32, 32)
    assert (np.diagonal(small[0]) == 1).all()
    assert small.sum() == 32 + 31  # beside the diagonal it touches the patches left of it, and no others
    assert thumbnails(np.ones((3, 7, 1), np.uint8)).shape == (3, 7, 1)


def _one(weights: np.ndarray, **change: object) -> Trace:
    tokens = [Token(7, "x", n, n + 1) for n in range(weights.shape[-1])]
    given = {"source": "x" * len(tokens), "source_tokens": tokens} | change
    return Trace(Model("m"), {"encoder": [weights]}, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.5, 0.0])
def test_what_is_no_distribution_is_refused(bad: float) -> None:
    weights = np.full((2, 3, 3), 1 / 3, np.float32)
    _one(weights)
    weights[1, 2, 0] = bad
    with pytest.raises(CheckpointError, match="encoder attention, layer 1"):
        _one(weights)


def test_looking_ahead_is_refused() -> None:
    trace = samples.translation()
    ahead = [np.array(layer) for layer in trace.attention["decoder"]]
    ahead[3][2, 0] = ahead[3][2, 1]
    ahead[3][2, 0, :5] = 0.2
    ahead[3][2, 0, 5:] = 0.0
    with pytest.raises(CheckpointError, match="decoder attention, layer 4 looks ahead"):
        dataclasses.replace(trace, attention=dict(trace.attention) | {"decoder": ahead})


def test_what_does_not_fit_the_tokens_is_refused() -> None:
    third = np.full((2, 3, 3), 1 / 3, np.float32)
    with pytest.raises(ConfigError, match="expected"):
        _one(third, source_tokens=[Token(7, "x", 0, 1)] * 4)
    with pytest.raises(ConfigError, match=r"0\.\.9"):
        _one(third, source_tokens=[Token(7, "x", 0, 9)] * 3)
    with pytest.raises(ConfigError, match="did you mean encoder"):
        Trace(Model("m"), {"encode": [third]})
    with pytest.raises(ConfigError, match="without attention"):
        Trace(Model("m"), {})


def test_names_say_which_piece_of_which_syllable() -> None:
    trace = samples.translation("은 x", source_tokens=samples.syllable_bytes("은 x"))
    assert trace.keys("cross") == ["은 1/3", "은 2/3", "은 3/3", "␣", "x"]
    assert trace.rows("cross")[:2] == ["I", "ran"]  # the token being written
    assert trace.rows("decoder")[:2] == ["<s>", "I"]  # the token just read


def test_json_counts_offsets_as_a_browser_does() -> None:
    text = "😀 나"
    data = _one(
        np.full((1, 2, 2), 0.5, np.float32),
        source=text,
        spells_bytes=True,
        source_tokens=[Token(5, "ðŁĺĢ", 0, 1), Token(6, "ĠëĤĺ", 1, 3, "unknown")],
    ).to_json()
    assert [(row["s"], row["e"]) for row in data["tokens"]["source"]] == [(0, 2), (2, 4)]
    assert [row["t"] for row in data["tokens"]["source"]] == ["😀", " 나"]  # spelled, not mojibake
    assert data["tokens"]["source"][1]["unknown"] is True
