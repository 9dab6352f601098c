"""Kernels for inference: the product of `F.linear`, not of a weight that has changed, not in place of a gradient."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headway.nn.kernels import ByRows, Int8, Packed, PreparedKernel
from headway.nn.linear import Kernel, Linear, set_kernel, sliced

CASES: dict[str, tuple[Callable[[], Kernel], torch.dtype, float]] = {
    "packed": (lambda: Packed(12), torch.float32, 1e-6),
    "sliced": (lambda: sliced, torch.float32, 1e-6),
    "sliced and packed": (lambda: ByRows(sliced, Packed(12)), torch.float32, 1e-6),
    "int8": (Int8, torch.float32, 0.05),
    "int8, few rows": (lambda: Int8(100), torch.float32, 0.02),
    "int8 of bfloat16": (Int8, torch.bfloat16, 0.05),
}
if torch.ops.mkldnn._is_mkldnn_bf16_supported():
    CASES["packed bfloat16"] = (lambda: Packed(12), torch.bfloat16, 0.02)
every = pytest.mark.parametrize(("make", "dtype", "tolerance"), CASES.values(), ids=CASES)


def layer(bias: bool = True, width: int = 32) -> Linear:
    torch.manual_seed(0)
    return Linear(width, 24, bias=bias)


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def assert_same(linear: Linear, x: Tensor, tolerance: float) -> None:
    expected = F.linear(x, linear.weight, linear.bias)
    found = linear(x)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if x.numel():
        torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * expected.abs().max().item())


@every
@pytest.mark.parametrize("bias", [True, False])
def test_a_kernel_follows_its_layer(
    make: Callable[[], Kernel], dtype: torch.dtype, tolerance: float, bias: bool
) -> None:
    linear, x = layer(bias).to(dtype), numbers(3, 4, 32).to(dtype)
    linear.kernel = make()
    fresh = {name: torch.randn_like(tensor) for name, tensor in linear.state_dict().items()}
    other = {"weight": torch.randn(24, 32, dtype=dtype), **({"bias": torch.randn(24, dtype=dtype)} if bias else {})}
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: linear.weight.mul_(-2),
        lambda: linear.bias.add_(3) if bias else None,
        lambda: linear.load_state_dict(fresh),
        lambda: linear.load_state_dict(other, assign=True),
        lambda: setattr(linear, "weight", nn.Parameter(torch.randn(24, 32, dtype=dtype))),
        lambda: linear.to(torch.float64).to(dtype),
    ]
    for change in changes:
        with torch.no_grad():
            change()
        assert_same(linear, x, tolerance)


@every
def test_any_input_will_do(make: Callable[[], Kernel], dtype: torch.dtype, tolerance: float) -> None:
    linear = layer().to(dtype)
    linear.kernel = make()
    inputs = [
        numbers(32), numbers(7, 32), numbers(1, 32), numbers(2, 3, 4, 32), numbers(0, 32), numbers(2, 0, 32),
        numbers(32, 5).t(), numbers(5, 64)[:, ::2], numbers(3, 5, 32)[:, -1], numbers(5, 32)[3], numbers(33)[1:],
        numbers(1, 32).expand(4, 32), torch.zeros(3, 32), torch.full((2, 32), 1e4),
    ]  # fmt: skip
    for x in inputs:
        assert_same(linear, x.to(dtype) if dtype != torch.float32 else x, tolerance)
    x = numbers(65).to(dtype)[1:33]
    assert x.data_ptr() % 32
    assert_same(linear, x, tolerance)


@pytest.mark.parametrize("width", [20, 7, 1])
def test_a_width_that_the_narrow_product_cannot_read_is_left_to_the_other(width: int) -> None:
    linear = layer(width=width)
    linear.kernel = Int8(100)
    assert_same(linear, numbers(3, width), 0.05)


def test_float32_packed_is_the_same_up_to_rounding() -> None:
    torch.manual_seed(0)
    linear = Linear(768, 130)
    linear.kernel = Packed(8)
    for rows in (1, 8, 33):
        assert_same(linear, numbers(rows, 768), 1e-6)


def test_few_rows_lose_less_to_eight_bits() -> None:
    """Activations that are not quantised do not suffer from the largest of them."""
    linear, x = layer(), numbers(2, 32)
    x[0, 0] = 100.0
    errors = []
    for kernel in (Int8(), Int8(few=2)):
        linear.kernel = kernel
        with torch.no_grad():
            errors.append((linear(x)[1] - F.linear(x, linear.weight, linear.bias)[1]).abs().max().item())
    assert errors[1] < 0.2 * errors[0]
    assert errors[1] > 0
    with torch.no_grad():
        linear.kernel = Int8(few=1)
        assert (linear(x)[1] - F.linear(x, linear.weight, linear.bias)[1]).abs().max().item() == errors[0]


def test_a_new_weight_at_the_address_of_an_old_one_is_noticed() -> None:
    kernel, x = Packed(12), numbers(3, 16)
    with torch.no_grad():
        for _ in range(20):
            weight = nn.Parameter(torch.randn(24, 16))
            torch.testing.assert_close(kernel(x, weight, None), F.linear(x, weight))
            del weight


@every
def test_a_gradient_that_is_wanted_is_there(make: Callable[[], Kernel], dtype: torch.dtype, tolerance: float) -> None:
    linear, x = layer().to(dtype), numbers(3, 32).to(dtype)
    linear.kernel = make()
    linear(x).square().sum().backward()
    expected = torch.autograd.grad(F.linear(x, linear.weight, linear.bias).square().sum(), linear.weight)[0]
    assert torch.equal(linear.weight.grad, expected)
    linear.requires_grad_(False)
    linear(x.requires_grad_()).sum().backward()
    assert x.grad is not None
    linear.bias.requires_grad_()
    linear(x.detach()).sum().backward()
    assert linear.bias.grad is not None


@every
def test_copies_and_files_know_nothing_of_the_other_form(
    make: Callable[[], Kernel], dtype: torch.dtype, tolerance: float
) -> None:
    linear, x = layer().to(dtype), numbers(3, 32).to(dtype)
    before = copy.deepcopy(linear.state_dict())
    linear.kernel = kernel = make()
    with torch.no_grad():
        linear(x)
    assert all(torch.equal(tensor, before[name]) for name, tensor in linear.state_dict().items())
    assert linear.state_dict().keys() == before.keys()
    if dtype == torch.float32:
        twin = copy.deepcopy(linear)
        with torch.no_grad():
            twin.weight.mul_(-1)
        assert_same(twin, x, tolerance)
        assert twin.kernel is not kernel or kernel is sliced
    assert_same(linear, x, tolerance)
    if not isinstance(kernel, PreparedKernel):
        return
    assert pickle.loads(pickle.dumps(Packed(7))).rows == 7
    assert kernel.__getstate__()["_prepared"] is None


def test_what_cannot_be_prepared_is_left_to_torch() -> None:
    prepared = []

    class Never(Packed):
        def prepare(self, weight: Tensor, bias: Tensor | None) -> Tensor:
            prepared.append(weight)
            return super().prepare(weight, bias)

    kernel, x, weight = Never(1), numbers(3, 32), layer().weight
    with torch.no_grad():
        kernel(x, weight.detach(), None)  # no parameter: a piece of one, say, in a loss
        kernel(x.double(), nn.Parameter(weight.double()), None)
        kernel(x[:0], weight, None)
        with torch.autocast("cpu", torch.bfloat16):
            assert kernel(x, weight, None).dtype == torch.bfloat16
        with pytest.raises(RuntimeError, match="dtype"):
            kernel(x.double(), weight, None)
    with torch.inference_mode():
        kernel(x, nn.Parameter(torch.ones(24, 32)), None)
    assert not prepared
    with torch.inference_mode():
        kernel(x, weight, None)
    assert len(prepared) == 1


def test_a_model_with_kernels_is_exported_without_them() -> None:
    model = nn.Sequential(layer(), nn.ReLU(), Linear(24, 3)).eval().requires_grad_(False)
    set_kernel(model, lambda: Packed(4))
    x = numbers(4, 32)
    expected = model(x)
    exported = torch.export.export(model, (x,))
    assert "mkldnn" not in str(exported.graph)
    torch.testing.assert_close(exported.module()(x), expected, rtol=1e-5, atol=1e-6)


def test_the_weight_is_prepared_once() -> None:
    prepared = []

    class Counting(PreparedKernel):
        dtypes = frozenset({torch.float32})

        def prepare(self, weight: Tensor, bias: Tensor | None) -> Tensor:
            prepared.append(weight)
            return weight.clone()

        def run(self, x: Tensor, bias: Tensor | None) -> Tensor:
            return F.linear(x, self._prepared, bias)

    model = nn.Sequential(layer(), nn.ReLU(), nn.LayerNorm(24))
    set_kernel(model, Counting)
    with torch.no_grad():
        for _ in range(3):
            model(numbers(2, 32))
    assert len(prepared) == 1
    with torch.inference_mode():
        model(numbers(2, 32))
    assert len(prepared) == 1
