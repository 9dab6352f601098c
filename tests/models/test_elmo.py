"""ELMo: each direction sees its side alone, whatever stands beside it, and comes back from a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from headway.checkpoints import native
from headway.errors import ConfigError
from headway.models.elmo import Elmo
from headway.models.families.elmo import Elmo as Choices
from headway.nn.masks import Layout
from headway.spec import BidirectionalSpec

SMALL = Choices(num_layers=2, d_model=6, d_cell=10, filters=((1, 4), (2, 5)), dropout=0.0)


def model_of(**changes: object) -> Elmo:
    torch.manual_seed(0)
    spec: BidirectionalSpec = replace(SMALL.spec(11), **changes)  # type: ignore[arg-type]
    return Elmo(spec).double().eval()


def words(rows: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(261, (rows, length, 50), generator=torch.Generator().manual_seed(seed))


def same(one: Tensor, other: Tensor) -> bool:
    """But for the last bits: other words of a batch stand elsewhere in a product."""
    return torch.allclose(one, other, rtol=0.0, atol=1e-12)


def leaks(directions: Callable[[Tensor], tuple[Tensor, Tensor]], length: int = 6) -> list[str]:
    """What a change of each word changes, beyond what it may."""
    before = words(1, length)
    forth, back = directions(before)
    faults = []
    for changed in range(length):
        after = before.clone()
        after[:, changed] = words(1, 1, seed=changed + 1)[:, 0]
        new_forth, new_back = directions(after)
        if not same(new_forth[:, :changed], forth[:, :changed]):
            faults.append(f"forward sees word {changed} before it")
        if not same(new_back[:, changed + 1 :], back[:, changed + 1 :]):
            faults.append(f"backward sees word {changed} after it")
        if same(new_forth[:, changed:], forth[:, changed:]):
            faults.append(f"forward never sees word {changed}")
        if same(new_back[:, : changed + 1], back[:, : changed + 1]):
            faults.append(f"backward never sees word {changed}")
    return faults


@pytest.mark.parametrize("clip", [None, 0.5])
def test_no_direction_sees_what_it_must_say(clip: float | None) -> None:
    model = model_of(clip_cell=clip, clip_state=clip)
    assert not leaks(model.directions)
    assert leaks(lambda x: model.directions(x)[::-1])  # the test would see directions that are mixed up
    mixed = torch.nn.Linear(12, 12).double()
    assert leaks(lambda x: mixed(model.hidden(x)).tensor_split(2, -1))  # type: ignore[arg-type, return-value]


def test_a_row_is_the_same_alone_padded_or_packed() -> None:
    model, lengths = model_of(), [4, 1, 6]
    rows = [words(1, length, seed=length) for length in lengths]
    alone = [[torch.cat(layer, -1)[0] for layer in model.layer_states(row)] for row in rows]
    packed = model.layer_states(torch.cat(rows, 1)[0], Layout.packed(lengths))
    for layer, directions in enumerate(packed):
        torch.testing.assert_close(torch.cat(directions, -1), torch.cat([states[layer] for states in alone]))
    for shift in (0, 2):
        grid, keep = words(3, 8, seed=99), torch.zeros(3, 8, dtype=torch.bool)
        for row, length in enumerate(lengths):
            grid[row, shift : shift + length] = rows[row]
            keep[row, shift : shift + length] = True
        states = model(grid, keep).last_hidden_state
        for row in range(3):
            torch.testing.assert_close(states[row][keep[row]], alone[row][-1])


def test_layers_after_the_first_add_their_input() -> None:
    with_skips, without = model_of(), model_of(skips=False)
    x = words(2, 5)
    (_, (first, _), (second, _)) = with_skips.layer_states(x)
    (_, (same, _), (plain, _)) = without.layer_states(x)
    torch.testing.assert_close(first, same)
    torch.testing.assert_close(second, plain + first)


def test_dropout_is_of_training_only() -> None:
    model, x = model_of(dropout=0.5), words(1, 3)
    assert torch.equal(model.hidden(x), model.hidden(x))
    model.train()
    assert not torch.equal(model.hidden(x), model.hidden(x))


def test_a_model_comes_back_from_a_folder(tmp_path: Path) -> None:
    model = model_of(clip_cell=3.0).float()
    native.save(model, tmp_path, dtype=torch.float32)
    again = native.load(model.spec, tmp_path / "model.safetensors")
    assert isinstance(again, Elmo)
    assert {n: p.tolist() for n, p in again.named_parameters()} == {n: p.tolist() for n, p in model.named_parameters()}
    torch.testing.assert_close(again.hidden(words(1, 4)), model.hidden(words(1, 4)))


def test_what_is_no_word_is_refused() -> None:
    model = model_of()
    with pytest.raises(ConfigError, match=r"of shape \(2, 3, 49\); expected \(batch, length, 50\)"):
        model(words(2, 3)[..., :49])
    with pytest.raises(ConfigError, match="input_ids holds 261; this model has 0 to 260"):
        model(torch.full((1, 1, 50), 261))
    with pytest.raises(ConfigError, match="cells at least as wide as states"):
        replace(model.spec, d_cell=5)
    with pytest.raises(ConfigError, match="expected pairs of a width from 1 to max_length 50"):
        replace(model.spec.characters, filters=((51, 3),))
    with pytest.raises(ConfigError, match="clip_cell is 0"):
        replace(model.spec, clip_cell=0.0)
