"""What is chosen for inference by timing: the quickest, if it is worth its memory; without a trace on the model."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from headway.errors import ConfigError
from headway.nn import arithmetic
from headway.nn.arithmetic import Choice, Unchosen, prepare
from headway.nn.kernels import ByRows, Int8, Packed
from headway.nn.linear import Kernel, Linear, onednn, sliced

ROWS = (1, 8, 80)


class Tied(nn.Module):
    """Two layers, and a head that is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.tokens = nn.Embedding(48, 32)
        self.body = nn.Sequential(Linear(32, 64), nn.ReLU(), Linear(64, 32))
        self.head, self.again = Linear(32, 48, bias=False), Linear(32, 48, bias=False)
        self.head.weight = self.again.weight = self.tokens.weight

    def forward(self, ids: Tensor) -> Tensor:
        scores: Tensor = self.head(self.body(self.tokens(ids)))
        return scores


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Tied:
    """A model that counts as large."""
    monkeypatch.setattr(arithmetic, "_SMALL", 0)
    return Tied().eval().requires_grad_(False)


def clocked(monkeypatch: pytest.MonkeyPatch, costs: Callable[[Kernel, int], float]) -> None:
    """A clock that only the kernels move: by `costs` of kernel and rows, in seconds."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    original = arithmetic._times

    def timed(linears: list[Linear], forms: dict[str, Callable[[], Kernel]], rows: list[int]) -> arithmetic.Times:
        def slowed(make: Callable[[], Kernel]) -> Callable[[], Kernel]:
            kernel = make()

            def run(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
                now[0] += costs(kernel, len(x))
                return kernel(x, weight, bias)

            return lambda: run

        return original(linears, {form: slowed(make) for form, make in forms.items()}, rows)

    monkeypatch.setattr(arithmetic, "_times", timed)


def named(kernel: Kernel) -> str:
    if isinstance(kernel, ByRows):
        return f"{named(kernel.several)}, single rows {named(kernel.single)}"
    if kernel is sliced:
        return "sliced"
    return "packed" if isinstance(kernel, Packed) else "onednn" if kernel is onednn else "torch"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({"torch": 1.0, "onednn": 1.0, "packed": 1.0}, "torch"),
        ({"torch": 1.0, "onednn": 0.98, "packed": 0.95}, "torch"),
        ({"torch": 1.0, "onednn": 0.96, "packed": 0.9}, "onednn"),
        ({"torch": 1.0, "onednn": 0.9, "packed": 0.8}, "packed"),
        ({"torch": 1.0, "onednn": 2.0, "packed": 0.5}, "packed"),
    ],
)
@pytest.mark.parametrize("slicing", [0.96, 0.98])
def test_the_quickest_is_taken_if_it_is_worth_it(
    model: Tied, seconds: dict[str, float], expected: str, slicing: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = seconds | {"sliced": slicing * seconds[expected]}
    clocked(monkeypatch, lambda kernel, rows: rows * seconds[named(kernel)])
    found = prepare(model, rows=ROWS)
    assert (found.linear, found.slices) == (expected, slicing < 0.97)
    put = f"{expected}, single rows sliced" if found.slices else expected
    assert {named(module.kernel) for module in model.modules() if isinstance(module, Linear)} == {put}
    assert set(found.milliseconds) == set(seconds)
    assert list(found.milliseconds["packed"]) == list(ROWS)
    ratio = found.milliseconds["packed"][8] / found.milliseconds["torch"][8]
    assert ratio == pytest.approx(seconds["packed"] / seconds["torch"])


def test_every_row_count_weighs_the_same(model: Tied, monkeypatch: pytest.MonkeyPatch) -> None:
    faster = {1: 0.1, 8: 0.5, 80: 1.5}
    clocked(monkeypatch, lambda kernel, rows: rows * (faster[rows] if named(kernel) == "packed" else 1.0))
    assert prepare(model, rows=ROWS).linear == "packed"
    assert prepare(model, rows=(80,)).linear == "torch"


def test_outputs_change_by_rounding_only_and_nothing_else_does(model: Tied) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ids, state = torch.arange(12).view(2, 6), torch.get_rng_state()
    expected = model(ids)
    for kernel in (Packed(80), onednn, sliced):
        arithmetic._put([m for m in model.modules() if isinstance(m, Linear)], lambda linear: kernel)  # noqa: B023
        torch.testing.assert_close(model(ids), expected, rtol=0, atol=1e-6 * expected.abs().max().item())
    prepare(model)
    torch.testing.assert_close(model(ids), expected, rtol=0, atol=1e-6 * expected.abs().max().item())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_layers_that_share_a_weight_share_its_form(model: Tied, monkeypatch: pytest.MonkeyPatch) -> None:
    clocked(monkeypatch, lambda kernel, rows: 0.5 if named(kernel) == "packed" else 1.0)
    prepare(model)
    assert model.head.kernel is model.again.kernel
    assert len({id(module.kernel) for module in model.modules() if isinstance(module, Linear)}) == 3


@pytest.mark.parametrize(("faster", "few"), [(set(), 0), ({1}, 1), ({1, 8}, 8)])
def test_eight_bits_keep_the_activations_of_few_rows_where_that_is_faster(
    model: Tied, faster: set[int], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def costs(kernel: Kernel, rows: int) -> float:
        assert isinstance(kernel, Int8)
        return 0.5 if kernel.few and rows in faster else 1.0

    clocked(monkeypatch, costs)
    expected = model(torch.arange(6)[None])
    found = prepare(model, quantize="int8")
    assert (found.linear, found.few) == ("int8", few)
    kernels = {name: module.kernel for name, module in model.named_modules() if isinstance(module, Linear)}
    assert {name: kernel.few for name, kernel in kernels.items() if isinstance(kernel, Int8)} == {
        "body.0": few, "body.2": few, "head": 0, "again": 0,
    }, "scores of words are not rounded to bfloat16"  # fmt: skip
    torch.testing.assert_close(model(torch.arange(6)[None]), expected, rtol=0, atol=0.1 * expected.abs().max().item())


def test_a_small_model_is_not_timed() -> None:
    model = Tied()
    assert prepare(model).milliseconds == {}
    assert all(named(module.kernel) == "torch" for module in model.modules() if isinstance(module, Linear))
    assert prepare(model, quantize="int8").milliseconds == {}
    assert isinstance(model.head.kernel, Int8)
    assert prepare(nn.Embedding(3, 4)).linear == "torch"


def test_a_second_form_that_the_memory_is_too_small_for_is_not_tried(
    model: Tied, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = (2 * 32 * 64 + 48 * 32) * 4
    machine = arithmetic.os.sysconf("SC_PAGE_SIZE") * arithmetic.os.sysconf("SC_PHYS_PAGES")
    for share, tried in ((weights / machine * 1.01, True), (weights / machine * 0.99, False)):
        monkeypatch.setattr(arithmetic, "_SHARE", share)
        assert ("packed" in prepare(model).milliseconds) == tried


def test_a_dtype_is_packed_only_where_it_can_be(model: Tied) -> None:
    can = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert set(prepare(model.bfloat16(), rows=(1,)).milliseconds) == {"torch", "sliced", *(["packed"] if can else [])}
    assert set(prepare(model.double(), rows=(1,)).milliseconds) == {"torch", "sliced"}


def test_eight_bits_elsewhere_are_refused() -> None:
    with pytest.raises(ConfigError, match="int8 multiplies on a CPU only"):
        prepare(Tied().to("meta"), quantize="int8")
    assert prepare(Tied().to("meta")).linear == "torch"


def kernels(model: nn.Module) -> list[Kernel]:
    return [module.kernel for module in model.modules() if isinstance(module, Linear)]


def test_the_first_product_chooses_and_only_one_that_is_used_for_inference(
    model: Tied, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked(monkeypatch, lambda kernel, rows: 0.5 if named(kernel) == "packed" else 1.0)
    ids = torch.arange(6)[None]
    expected = model(ids)
    choice = Choice(model)
    assert all(isinstance(kernel, Unchosen) for kernel in kernels(model))
    assert "chosen by the first product" in str(model)
    learning = model(model.requires_grad_(True).tokens.weight[:0].argmax(1))  # no rows, with gradients
    assert learning.requires_grad
    with torch.autocast("cpu"):
        model.requires_grad_(False)(ids)
    torch.export.export(model, (ids,), strict=False)
    assert all(isinstance(kernel, Unchosen) for kernel in kernels(model)), "nothing was timed for these"
    torch.testing.assert_close(model(ids), expected, rtol=0, atol=1e-6 * expected.abs().max().item())
    assert {named(kernel) for kernel in kernels(model)} == {"packed"}
    assert model.head.kernel is model.again.kernel
    assert choice.arithmetic is choice.arithmetic
    assert choice.arithmetic.linear == "packed"


def test_what_was_chosen_by_hand_stays_and_a_copy_has_what_is_chosen(
    model: Tied, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked(monkeypatch, lambda kernel, rows: 0.5 if named(kernel) == "packed" else 1.0)
    choice = Choice(model)
    model.again.kernel = onednn
    twin = copy.deepcopy(model)
    assert [named(kernel) for kernel in kernels(twin)] == ["packed", "packed", "packed", "onednn"]
    assert [named(kernel) for kernel in kernels(model)] == ["packed", "packed", "packed", "onednn"]
    assert twin.head.kernel is not model.head.kernel
    assert choice.arithmetic.linear == "packed"


def test_several_threads_wait_for_one_choice(model: Tied, monkeypatch: pytest.MonkeyPatch) -> None:
    timed, original = [], arithmetic.prepare
    monkeypatch.setattr(arithmetic, "prepare", lambda *args, **kwargs: timed.append(1) or original(*args, **kwargs))
    Choice(model)
    threads = [threading.Thread(target=model, args=(torch.arange(4)[None],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(timed) == 1
    assert not any(isinstance(kernel, Unchosen) for kernel in kernels(model))


def test_there_is_nothing_to_wait_for_where_nothing_is_timed() -> None:
    model = Tied()
    assert Choice(model).arithmetic.milliseconds == {}
    assert not any(isinstance(kernel, Unchosen) for kernel in kernels(model))
    with pytest.raises(ConfigError, match="int8 multiplies on a CPU only"):
        Choice(Tied().to("meta"), quantize="int8")
