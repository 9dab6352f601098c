"""Words from characters against the formulas, written without any of the shortcuts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from headway.nn.characters import CharacterEncoder, Highway, ScalarMix
from headway.nn.linear import Linear
from headway.spec import CharacterSpec
from headway.text.characters import spell

SPEC = CharacterSpec(filters=((1, 3), (2, 4), (5, 6)), max_length=12, d_character=4, num_highways=2)


@pytest.mark.parametrize("words", [["a", "bc", "a"], ["far too long a word", "x"], ["한국어", "ㅋ", ""]])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_word_is_its_convolutions_their_highways_and_a_projection(words: list[str], activation: str) -> None:
    torch.manual_seed(0)
    encoder = CharacterEncoder(replace(SPEC, activation=activation), 5)
    assert isinstance(encoder.out, Linear)
    characters = torch.from_numpy(spell(words, 12)).long()
    rows = []
    for word in characters:  # one at a time, over all of its columns
        x = encoder.table(word).T  # (d_character, length)
        maxima = [F.conv1d(x[None], c.weight, c.bias)[0].amax(-1) for c in encoder.convolutions]  # type: ignore[arg-type]
        y = torch.cat([getattr(torch, activation)(maximum) for maximum in maxima])
        for highway in encoder.highways:
            assert isinstance(highway, Highway)
            gate = torch.sigmoid(highway.gate.weight @ y + highway.gate.bias)
            y = gate * torch.relu(highway.transform.weight @ y + highway.transform.bias) + (1 - gate) * y
        rows.append(encoder.out.weight @ y + encoder.out.bias)
    torch.testing.assert_close(encoder(characters[None]), torch.stack(rows)[None])


def test_padding_alone_may_be_what_a_filter_likes_best() -> None:
    """A short row is cut where only padding follows, but never so that no window of padding is left."""
    encoder = CharacterEncoder(SPEC, SPEC.width)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.zero_()
        encoder.table.weight[SPEC.pad_id] = 1.0
        for convolution in encoder.convolutions:
            convolution.weight.fill_(1.0)  # type: ignore[union-attr, operator]
    short, long = (
        float(encoder(torch.from_numpy(spell([word], 12)).long()).detach().amax()) for word in ("a", "a" * 9)
    )
    assert short == pytest.approx(4 * 5 * 0.25)  # two gates half open: 5 padded places of width 4
    assert long < short


def test_the_mix_of_layers() -> None:
    mix, layers = ScalarMix(3), [torch.full((2, 2), float(i)) for i in (1, 2, 6)]
    torch.testing.assert_close(mix(layers), torch.full((2, 2), 3.0))
    with torch.no_grad():
        mix.weights.copy_(torch.tensor([0.0, 3.0, 1.0]).log())
        mix.scale.fill_(2.0)
    torch.testing.assert_close(mix(layers), torch.full((2, 2), 2 * (3 * 2 + 6) / 4))
