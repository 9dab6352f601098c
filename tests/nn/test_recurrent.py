import math

import pytest
import torch
from torch import Tensor, nn

from headway.nn.cores import Eager, GridCore
from headway.nn.masks import Layout, Mask
from headway.nn.recurrent import CELLS, Alignment, RecurrentStack, initialise_cells, summary
from tests.nn.stacks import VOCAB, ids_of, pad

WIDTH, LENGTHS = 12, [5, 1, 7, 3]


def stack_of(cell: str, *, bidirectional: bool, num_layers: int = 2) -> RecurrentStack:
    torch.manual_seed(0)
    stack = RecurrentStack(cell, nn.Embedding(VOCAB, WIDTH), num_layers, bidirectional=bidirectional).double()
    with torch.no_grad():
        for weight in stack.parameters():
            weight.normal_(std=0.5)
    return stack


def lstm_by_hand(cells: nn.LSTM, words: list[Tensor]) -> list[Tensor]:
    """Gers et al. 2000 in Python: one word, one gate at a time."""
    input_weights, hidden_weights = cells.weight_ih_l0.chunk(4), cells.weight_hh_l0.chunk(4)
    biases = (cells.bias_ih_l0 + cells.bias_hh_l0).chunk(4)
    h = c = torch.zeros(cells.hidden_size, dtype=torch.float64)
    states = []
    for x in words:
        wires = zip(input_weights, hidden_weights, biases, strict=True)
        i, f, g, o = (w @ x + u @ h + b for w, u, b in wires)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        states.append(h)
    return states


def test_lstm_is_the_published_equations_in_both_directions() -> None:
    stack = stack_of("lstm", bidirectional=True, num_layers=1)
    rows = ids_of(LENGTHS)
    states, _ = stack(torch.cat(rows), Layout.packed(LENGTHS))
    ahead, behind = stack.layers[0]
    expected = []
    for row in rows:
        words = list(stack.tokens(row))
        forward, backward = lstm_by_hand(ahead, words), lstm_by_hand(behind, words[::-1])[::-1]
        expected += [torch.cat(pair) for pair in zip(forward, backward, strict=True)]
    torch.testing.assert_close(states, torch.stack(expected), rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_row_is_the_same_alone_packed_and_padded_on_either_side(cell: str, bidirectional: bool) -> None:
    stack = stack_of(cell, bidirectional=bidirectional)
    rows = ids_of(LENGTHS)
    alone = [stack(row[None], Layout.padded(row[None]))[0][0] for row in rows]
    heard = [
        summary(states[None], Layout.padded(row[None]), bidirectional) for row, states in zip(rows, alone, strict=True)
    ]
    packed_layout = Layout.packed(LENGTHS)
    packed, _ = stack(torch.cat(rows), packed_layout)
    torch.testing.assert_close(packed, torch.cat(alone), rtol=0, atol=1e-14)
    torch.testing.assert_close(summary(packed, packed_layout, bidirectional), torch.cat(heard), rtol=0, atol=1e-14)
    for side in ("left", "right"):
        ids, mask = pad(rows, side, extra=2)
        layout = Layout.padded(ids, mask)
        states, _ = stack(ids, layout)
        torch.testing.assert_close(states[mask.bool()], torch.cat(alone), rtol=0, atol=1e-14)
        torch.testing.assert_close(summary(states, layout, bidirectional), torch.cat(heard), rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_the_summary_is_what_torch_calls_the_last_hidden_state(cell: str) -> None:
    stack = stack_of(cell, bidirectional=True, num_layers=1)
    torch.manual_seed(3)
    whole = CELLS[cell](WIDTH, WIDTH // 2, bidirectional=True, batch_first=True).double()
    ahead, behind = stack.layers[0]
    reverse = {f"{name}_reverse": weight for name, weight in behind.state_dict().items()}
    whole.load_state_dict(ahead.state_dict() | reverse)
    rows = ids_of(LENGTHS)
    words = nn.utils.rnn.pack_sequence([stack.tokens(row) for row in rows], enforce_sorted=False)
    _, last = whole(words)
    expected = torch.cat(list(last[0] if isinstance(last, tuple) else last), -1)
    layout = Layout.packed(LENGTHS)
    torch.testing.assert_close(summary(stack(torch.cat(rows), layout)[0], layout, True), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", ["dot", "additive"])
def test_alignment_is_its_equation(kind: str) -> None:
    torch.manual_seed(0)
    alignment = Alignment(kind, WIDTH).double()
    record: list[Tensor] = []
    alignment.core = GridCore(Eager(record))
    lengths, beams = [4, 2], 3
    source = torch.randn(6, WIDTH, dtype=torch.float64)
    targets = torch.randn(2 * beams, 1, WIDTH, dtype=torch.float64)
    memory, query = Layout.packed(lengths), Layout.padded(torch.zeros(2 * beams, 1))
    assert memory.keep is not None
    mask = Mask.build(query, memory, keep=memory.keep[:, None, None])
    states = alignment(targets, alignment.project_kv(source), mask)
    for row, target in enumerate(targets[:, 0]):
        heard = source[:4] if row < beams else source[4:]
        if kind == "dot":
            scores = torch.stack([target @ h for h in heard])
        else:
            w, u, v = (module.weight for module in (alignment.query, alignment.key, alignment.score))
            scores = torch.stack([v[0] @ torch.tanh(w @ target + u @ h) for h in heard])
        weights = scores.softmax(0)
        context = sum(weight * h for weight, h in zip(weights, heard, strict=True))
        expected = torch.tanh(alignment.out.weight @ torch.cat([context, target]))
        torch.testing.assert_close(states[row, 0], expected, rtol=0, atol=1e-14)
        kept = record[0][row // beams, 0, row % beams]
        torch.testing.assert_close(kept, nn.functional.pad(weights, (0, 4 - len(heard))), rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", ["dot", "additive"])
def test_the_fast_core_is_the_one_in_the_open(kind: str) -> None:
    torch.manual_seed(0)
    alignment = Alignment(kind, WIDTH).double()
    source, targets = torch.randn(6, WIDTH, dtype=torch.float64), torch.randn(9, WIDTH, dtype=torch.float64)
    memory, query = Layout.packed([2, 4]), Layout.packed([6, 3])
    mask = Mask.build(query, memory, keep=memory.keep[:, None, None])
    results = []
    for core in (GridCore(), GridCore(Eager())):
        alignment.core = core
        alignment.zero_grad()
        states = alignment(targets, alignment.project_kv(source), mask)
        states.square().sum().backward()
        results.append([states, *(weight.grad for weight in alignment.parameters())])
    torch.testing.assert_close(*results, rtol=0, atol=1e-13)


def test_fresh_cells_keep_lengths_and_leave_the_forget_gate_open() -> None:
    cells = nn.LSTM(8, 12)
    torch.manual_seed(0)
    initialise_cells(cells)
    weights = cells.state_dict()
    for gate in weights["weight_hh_l0"].split(12):
        torch.testing.assert_close(gate @ gate.T, torch.eye(12))
    assert 0.5 < float(weights["weight_ih_l0"].abs().max()) <= math.sqrt(6 / (8 + 12))
    assert weights["bias_ih_l0"].tolist() == [0.0] * 12 + [1.0] * 12 + [0.0] * 24
    assert not weights["bias_hh_l0"].any()


def test_cells_stay_in_float32_under_autocast() -> None:
    torch.manual_seed(0)
    stack = RecurrentStack("lstm", nn.Embedding(VOCAB, WIDTH), 2, bidirectional=True)
    rows = ids_of(LENGTHS)
    plain = stack(torch.cat(rows), Layout.packed(LENGTHS))[0]
    with torch.autocast("cpu", torch.bfloat16):
        under = stack(torch.cat(rows), Layout.packed(LENGTHS))[0]
    torch.testing.assert_close(under, plain, rtol=0, atol=0)
