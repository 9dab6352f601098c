"""What is chosen by measuring: the faster one, without a trace on randomness or gradients."""

from __future__ import annotations

import dataclasses
import time

import pytest
import torch

from headway.errors import CheckpointError
from headway.models.transformer import EncoderDecoder
from headway.nn.attention import Attention
from headway.nn.cores import Eager
from headway.nn.linear import Linear, onednn
from headway.objectives.seq2seq import Seq2Seq
from headway.training.choices import Choices, choose
from headway.training.distributed import World
from headway.training.step import Step, accumulate
from tests.training.translator import TOKENS, model_of, rows_of

CPU = torch.device("cpu")


def chosen(model: EncoderDecoder) -> tuple[bool, str]:
    """Whether the linear kernel is oneDNN's, and the attention core: what really is in the model."""
    kernels = {module.kernel is onednn for module in model.modules() if isinstance(module, Linear)}
    eager = {isinstance(module.core.kernel, Eager) for module in model.modules() if isinstance(module, Attention)}
    assert len(kernels) == len(eager) == 1
    return kernels.pop(), "eager" if eager.pop() else "sdpa"


@pytest.mark.parametrize(
    ("faster", "expected"),
    [(set(), Choices()), ({True}, Choices(linear="onednn")), ({"eager"}, Choices(attention="eager"))],
)
def test_the_faster_one_is_taken_and_put_in(
    faster: set[object], expected: Choices, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, times, clock = model_of(), [], [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def run(autocast: torch.dtype | None) -> None:
        times.append(autocast)
        clock[0] += 0.9 if faster & set(chosen(model)) else 1.0

    assert choose(model, run, device=CPU, dtype="float32") == expected
    assert chosen(model) == (expected.linear == "onednn", expected.attention)
    assert set(times) == {None}


def test_measuring_leaves_nothing_behind() -> None:
    model, objective = model_of(dropout=0.3), Seq2Seq(TOKENS, 0.1)
    step, batch = Step(model, objective), [(objective.collate(rows_of(9)), True)]
    before = {name: p.detach().clone() for name, p in model.named_parameters()}

    def run(autocast: torch.dtype | None) -> None:
        accumulate(step, batch, world=World(), autocast=autocast)

    state = torch.get_rng_state()
    choices = choose(model, run, device=CPU, dtype="bfloat16")
    assert torch.equal(torch.get_rng_state(), state)
    assert choices.dtype == "bfloat16"
    assert choices.autocast is torch.bfloat16
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())


def test_a_run_folder_says_what_was_chosen() -> None:
    choices = Choices(dtype="bfloat16", linear="torch", attention="eager", threads=2)
    assert Choices.from_json(dataclasses.asdict(choices)) == choices


@pytest.mark.parametrize(
    "data",
    [{"linear": "magic"}, {"attention": "flash9"}, {"dtype": "float16"}, {"bogus": 1}, {"linear": ["torch"]}],
)
def test_an_unknown_choice_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match=r"environment.json: choices: .*" + next(iter(data))):
        Choices.from_json(data)
