import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from headway.decoding.generate import Decoding, decode
from headway.models.families.recurrent import CELLS, Recurrent
from headway.models.recurrent import RecurrentEncoderDecoder
from headway.nn.masks import Layout
from headway.objectives.seq2seq import Seq2Seq
from headway.spec import SpecialTokens
from tests.nn.stacks import VOCAB, gradients, ids_of, pad

KINDS = list(itertools.product(CELLS, ("none", "dot", "additive")))
SOURCES, TARGETS = ids_of([5, 2, 7], seed=1), ids_of([4, 6, 1], seed=2)


def model_of(cell: str, attention: str, *, std: float = 0.4, **choices: object) -> RecurrentEncoderDecoder:
    """Two layers of 12 features in float64, every weight large enough to matter."""
    torch.manual_seed(0)
    defaults: dict[str, object] = {"num_layers": 2, "d_model": 12, "dropout": 0.0, "tied": "none"}
    spec = Recurrent(cell=cell, attention=attention, **defaults | choices).spec(VOCAB, VOCAB)
    model = RecurrentEncoderDecoder(spec).double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=std)
    return model


def alone(model: RecurrentEncoderDecoder) -> list[Tensor]:
    """Hidden states of each pair by itself."""
    return [
        model(s[None], decoder_input_ids=t[None]).last_hidden_state[0] for s, t in zip(SOURCES, TARGETS, strict=True)
    ]


@pytest.mark.parametrize(("cell", "attention"), KINDS)
@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_pair_is_the_same_alone_padded_and_packed(cell: str, attention: str, bidirectional: bool) -> None:
    model = model_of(cell, attention, bidirectional=bidirectional)
    expected = torch.cat(alone(model))
    for source_side, target_side in itertools.product(("left", "right"), repeat=2):
        (ids, mask), (inputs, target_mask) = pad(SOURCES, source_side, extra=1), pad(TARGETS, target_side, extra=2)
        states = model(ids, mask, inputs, target_mask).last_hidden_state
        torch.testing.assert_close(states[target_mask.bool()], expected, rtol=0, atol=1e-13)
    memory = model.encode(torch.cat(SOURCES), Layout.packed([len(row) for row in SOURCES]))
    states = model.decode(torch.cat(TARGETS), Layout.packed([len(row) for row in TARGETS]), memory)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("cell", "attention"), KINDS)
def test_gradients_reach_every_parameter_and_are_those_of_padding(cell: str, attention: str) -> None:
    model = model_of(cell, attention).train()
    (ids, mask), (inputs, target_mask) = pad(SOURCES, "right"), pad(TARGETS, "right")
    model(ids, mask, inputs, target_mask).logits[target_mask.bool()].square().sum().backward()
    padded = gradients(model)
    model.zero_grad()
    memory = model.encode(torch.cat(SOURCES), Layout.packed([len(row) for row in SOURCES]))
    states = model.decode(torch.cat(TARGETS), Layout.packed([len(row) for row in TARGETS]), memory)
    model.head(states).square().sum().backward()
    packed = gradients(model)
    assert packed.keys() == dict(model.named_parameters()).keys()
    assert all(bool(gradient.any()) for gradient in packed.values())
    torch.testing.assert_close(packed, padded, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("cell", "attention"), KINDS)
def test_step_by_step_is_teacher_forcing_and_the_future_changes_nothing(cell: str, attention: str) -> None:
    model = model_of(cell, attention)
    ids, mask = pad(SOURCES, "right")
    memory = model.encode(ids, Layout.padded(ids, mask))
    targets = torch.stack(ids_of([6, 6, 6], seed=5))
    logits = model.head(model.decode(targets, None, memory))
    state = model.start(memory)
    stepped = [model.step(targets[:, :2], state)]  # two tokens at once, as a forced prefix
    stepped += [model.step(targets[:, i : i + 1], state) for i in range(2, 6)]
    torch.testing.assert_close(torch.stack(stepped, 1), logits[:, 1:], rtol=0, atol=1e-13)
    changed = targets.clone()
    changed[:, 4:] = (changed[:, 4:] + 1) % VOCAB
    after = model.head(model.decode(changed, None, memory))
    torch.testing.assert_close(after[:, :4], logits[:, :4], rtol=0, atol=0)
    assert (after[:, 4:] != logits[:, 4:]).any(-1).all()


@pytest.mark.parametrize(("cell", "attention"), KINDS)
def test_hypotheses_that_move_between_rows_are_as_if_nothing_had_moved(cell: str, attention: str) -> None:
    """Three beams a sentence cross over, the middle sentence ends; what is left equals each hypothesis by itself."""
    model = model_of(cell, attention)
    ids, mask = pad(SOURCES, "left")
    state = model.start(model.encode(ids, Layout.padded(ids, mask)))
    first, second, third = (torch.stack(ids_of([1] * 9, seed=seed)) for seed in (11, 12, 13))
    model.step(first, state)
    model.step(second, state)
    rows = torch.tensor([2, 0, 0, 7, 7, 6])  # of sentences 0 and 2
    state.reorder(rows, torch.tensor([0, 2]))
    logits = model.step(third[:6], state)
    for i, row in enumerate(rows.tolist()):
        history = torch.cat([first[row], second[row], third[i]])
        expected = model(SOURCES[row // 3][None], decoder_input_ids=history[None]).logits[0, -1]
        torch.testing.assert_close(logits[i], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("cell", "attention"), KINDS)
@pytest.mark.parametrize("beam", [1, 3])
def test_a_sentence_is_decoded_as_if_alone(cell: str, attention: str, beam: int) -> None:
    model = model_of(cell, attention, std=0.7)
    sources, options = [row.tolist() for row in SOURCES], Decoding(beam=beam, max_length=8)
    together = decode(model, sources, options)
    assert [hypotheses[0].ids for hypotheses in together] == [decode(model, [s], options)[0][0].ids for s in sources]


def test_without_attention_the_last_state_is_all_the_decoder_hears() -> None:
    """Course A1: the decoder hears nothing of the source but h at its last word."""
    model = model_of("gru", "none", bidirectional=False)
    source, target = SOURCES[0][None], TARGETS[0][None]
    memory = model.encode(source)
    expected = model.decode(target, None, memory)
    muffled = memory._replace(states=memory.states.clone().index_fill_(1, torch.arange(4), 9.0))
    torch.testing.assert_close(model.decode(target, None, muffled), expected, rtol=0, atol=0)
    changed = memory._replace(states=memory.states * 0.9)
    assert (model.decode(target, None, changed) != expected).any()


def test_an_lstm_starts_with_an_open_output_gate() -> None:
    model = model_of("lstm", "none")
    h, c = model.start(model.encode(SOURCES[0][None])).hidden
    states = model.encode(SOURCES[0][None]).states[0]
    heard = torch.cat([states[-1, :6], states[0, 6:]])
    torch.testing.assert_close(c[:, 0].flatten(), model.bridge(heard), rtol=0, atol=1e-14)
    torch.testing.assert_close(h, c.tanh(), rtol=0, atol=0)


def test_dropout_stands_between_layers_and_on_the_output() -> None:
    model = model_of("lstm", "dot", dropout=0.5).train()
    source, target = SOURCES[0][None], TARGETS[0][None]
    assert (model.encode(source).states != model.encode(source).states).all()
    torch.manual_seed(7)
    first = model(source, decoder_input_ids=target).last_hidden_state
    assert 0.2 < float((first == 0).double().mean()) < 0.8
    assert (model(source, decoder_input_ids=target).last_hidden_state != first).any()
    model.eval()
    once, twice = (model(source, decoder_input_ids=target).last_hidden_state for _ in range(2))
    torch.testing.assert_close(once, twice, rtol=0, atol=0)


def test_tables_are_tied_as_asked() -> None:
    tied = {kind: model_of("lstm", "dot", tied=kind) for kind in ("all", "decoder", "none")}
    shares = {
        kind: (model.encoder.tokens is model.decoder.tokens, model.head.weight is model.decoder.tokens.weight)
        for kind, model in tied.items()
    }
    assert shares == {"all": (True, True), "decoder": (False, True), "none": (False, False)}


@pytest.mark.parametrize(("cell", "attention"), [("lstm", "none"), ("gru", "additive")])
def test_it_learns_to_copy(cell: str, attention: str) -> None:
    """Sixteen sentences by heart, through the objective and the search that everything else uses."""
    torch.manual_seed(0)
    tokens = SpecialTokens()
    model = RecurrentEncoderDecoder(
        Recurrent(cell=cell, attention=attention, num_layers=1, d_model=64, dropout=0.0).spec(20, 20, tokens)
    )
    random = np.random.default_rng(0)
    sentences = [random.integers(4, 20, size=length) for length in range(2, 10) for _ in range(2)]
    objective = Seq2Seq(tokens)
    batch = objective.collate([(ids, ids) for ids in sentences])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(150):
        optimizer.zero_grad()
        total, count, _ = objective.loss(model, batch)["loss"]
        (total / count).backward()
        optimizer.step()
    model.eval()
    found = decode(model, [[*ids.tolist(), tokens.end_id] for ids in sentences], Decoding(beam=2))
    copies = [hypotheses[0].ids for hypotheses in found]
    assert [[i for i in ids if i != tokens.end_id] for ids in copies] == [ids.tolist() for ids in sentences]
