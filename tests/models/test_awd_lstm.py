"""The AWD-LSTM: what it says depends on what came before alone, and step by step it says the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import headway
from headway.checkpoints import native
from headway.decoding.generate import Decoding, complete
from headway.errors import ConfigError
from headway.models.awd_lstm import AwdLstm
from headway.models.families.awd_lstm import AwdLstm as Choices
from headway.nn.masks import Layout
from headway.spec import SpecialTokens
from headway.tasks.embed import embed
from headway.text.trainer import train

SMALL = Choices(num_layers=3, d_model=6, d_cell=8)
VOCABULARY = 13


def model_of(choices: Choices = SMALL) -> AwdLstm:
    torch.manual_seed(0)
    model = AwdLstm(choices.spec(VOCABULARY)).double().eval()
    with torch.no_grad():  # so that every weight matters
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


def ids_of(rows: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(4, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(seed))


def test_nothing_is_known_of_what_comes_after() -> None:
    model, ids = model_of(), ids_of(1, 6)
    states = model.hidden(ids)
    for changed in range(6):
        other = ids.clone()
        other[0, changed] = 3
        new = model.hidden(other)
        assert torch.equal(new[:, :changed], states[:, :changed])
        assert bool((new[:, changed:] != states[:, changed:]).any(-1).all())


def test_a_row_is_the_same_alone_padded_or_packed() -> None:
    model, lengths = model_of(), [4, 1, 6]
    rows = [ids_of(1, length, seed=length) for length in lengths]
    alone = torch.cat([model.hidden(row)[0] for row in rows])
    torch.testing.assert_close(model.hidden(torch.cat(rows, 1)[0], Layout.packed(lengths)), alone)
    for start in (lambda length: 0, lambda length: 8 - length, lambda length: 1):
        grid, keep = ids_of(3, 8, seed=9), torch.zeros(3, 8, dtype=torch.bool)
        for row, length in enumerate(lengths):
            grid[row, start(length) : start(length) + length] = rows[row]
            keep[row, start(length) : start(length) + length] = True
        found = model(grid, keep)
        torch.testing.assert_close(found.last_hidden_state[keep], alone)
        torch.testing.assert_close(found.logits[keep], model.head(alone))


def test_steps_say_what_the_whole_says_from_prompts_of_any_length() -> None:
    model = model_of()
    prompts = [ids_of(1, length, seed=length)[0] for length in (3, 1, 5)]
    ids, keep = torch.zeros(3, 5, dtype=torch.long), torch.zeros(3, 5, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        ids[row, 5 - len(prompt) :], keep[row, 5 - len(prompt) :] = prompt, True
    state, after = model.start(), ids_of(3, 2, seed=7)
    logits = [model.step(ids, state, Layout.padded(ids, keep))]
    state.reorder(torch.tensor([2, 0, 1]))
    logits += [model.step(after[:, i : i + 1], state) for i in range(2)]
    for row, prompt in enumerate(prompts):
        torch.testing.assert_close(logits[0][row], model(prompt[None]).logits[0, -1])
    for row, prompt in enumerate([prompts[2], prompts[0], prompts[1]]):
        whole = model(torch.cat([prompt, after[row]])[None]).logits[0]
        torch.testing.assert_close(torch.stack([step[row] for step in logits[1:]]), whole[-2:])


@pytest.mark.parametrize("beam", [1, 3])
def test_it_goes_on_with_a_prompt(beam: int) -> None:
    model, prompts = model_of(), [[2, 5, 6], [2]]
    together = complete(model, prompts, Decoding(beam=beam, max_length=6))
    for prompt, best in zip(prompts, together, strict=True):
        (alone,) = complete(model, [prompt], Decoding(beam=beam, max_length=6))
        assert best[0].ids == alone[0].ids
        assert best[0].log_probability == pytest.approx(alone[0].log_probability)
        said = model(torch.tensor([[*prompt, *best[0].ids]])).logits[0].log_softmax(-1).detach()
        places = range(len(prompt) - 1, len(prompt) - 1 + len(best[0].ids))
        total = sum(float(said[place, token]) for place, token in zip(places, best[0].ids, strict=True))
        assert best[0].log_probability == pytest.approx(total, abs=1e-5)


def test_a_folder_goes_on_with_text(tmp_path: Path) -> None:
    tokenizer = train(["나는 간다 a b c", "나는 온다 a"], type="word", vocab_size=10)
    model = AwdLstm(SMALL.spec(tokenizer.vocab_size, SpecialTokens(start_id=tokenizer.start_id)))
    native.save(model, tmp_path, dtype=torch.float32)
    tokenizer.save(tmp_path)
    loaded = headway.load(tmp_path)
    found = loaded.generate(["나는", ""], Decoding(beam=1, max_length=4))
    prompts = [tokenizer.encode("나는").ids, [tokenizer.start_id]]
    expected = complete(model.eval(), prompts, Decoding(beam=1, max_length=4))
    assert [text.strip() for text in found] == [tokenizer.decode(best[0].ids).strip() for best in expected]
    with pytest.raises(ConfigError, match="family awd_lstm, which does not translate"):
        loaded.translate(["a"])


def test_every_dropout_is_of_training_only() -> None:
    for name in ("word_dropout", "input_dropout", "layer_dropout", "dropout", "weight_dropout"):
        rates = dict.fromkeys(("word_dropout", "input_dropout", "layer_dropout", "dropout", "weight_dropout"), 0.0)
        model, ids = model_of(Choices(num_layers=2, d_model=6, d_cell=8, **{**rates, name: 0.5})), ids_of(2, 5)
        quiet = model.hidden(ids)
        assert torch.equal(model.hidden(ids), quiet)
        model.train()
        assert not torch.equal(model.hidden(ids), model.hidden(ids)), name
    assert torch.equal(model_of(Choices(num_layers=2, d_model=6, d_cell=8, **rates)).train().hidden(ids), quiet)


def test_the_head_shares_the_table_and_all_comes_back_from_a_folder(tmp_path: Path) -> None:
    model = model_of().float()
    assert model.head.weight is model.tokens.weight
    assert [layer.hidden_size for layer in model.layers] == [8, 8, 6]
    native.save(model, tmp_path, dtype=torch.float32)
    again = native.load(model.spec, tmp_path / "model.safetensors")
    assert isinstance(again, AwdLstm)
    assert again.head.weight is again.tokens.weight
    assert {n: p.tolist() for n, p in again.named_parameters()} == {n: p.tolist() for n, p in model.named_parameters()}
    torch.testing.assert_close(again.hidden(ids_of(2, 4)), model.hidden(ids_of(2, 4)))


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(ConfigError, match="continues texts cannot give the vectors of texts; it is for headway gen"):
        embed(model_of(), None, ["a"])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="input_ids holds 13; this model has 0 to 12"):
        model_of()(torch.tensor([[13]]))
    with pytest.raises(ConfigError, match=r"weight_dropout is 1\.5"):
        Choices(weight_dropout=1.5).spec(9)
