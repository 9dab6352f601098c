"""Kernels: the product of `F.linear`, never from a weight that has changed, never without a gradient that is wanted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from headway.nn.linear import DynamicInt8, Kernel, Linear, Packed, PreparedKernel, onednn, set_kernel

PREPARED: dict[str, tuple[Callable[[], Kernel], float]] = {
    "packed": (lambda: Packed(12), 1e-5),
    "int8": (DynamicInt8, 0.05),
}
if torch.ops.mkldnn._is_mkldnn_bf16_supported():
    PREPARED["packed-bfloat16"] = (lambda: Packed(12, torch.bfloat16), 0.03)


pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor, torch.quantize_per_channel:UserWarning")


def layer(bias: bool = True) -> Linear:
    torch.manual_seed(0)
    return Linear(16, 24, bias=bias)


@pytest.mark.parametrize("shape", [(5, 16), (2, 3, 16), (1, 16), (0, 16)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("frozen", ["nothing", "input", "weight"])
def test_the_training_kernel_has_the_gradients_of_f_linear(shape: tuple[int, ...], bias: bool, frozen: str) -> None:
    found = []
    for kernel in (F.linear, onednn):
        linear, x = layer(bias), torch.randn(shape, generator=torch.Generator().manual_seed(1))
        x.requires_grad_(frozen != "input")
        linear.weight.requires_grad_(frozen != "weight")
        linear.kernel = kernel
        y = linear(x)
        y.backward(torch.randn(y.shape, generator=torch.Generator().manual_seed(2)))
        found.append([y, x.grad, linear.weight.grad, linear.bias.grad if bias else None])
    for plain, other in zip(*found, strict=True):
        assert (plain is None) == (other is None)
        if plain is not None:
            torch.testing.assert_close(other, plain, rtol=1e-5, atol=1e-5)


def test_the_training_kernel_leaves_other_precisions_to_torch() -> None:
    linear, x = layer().double(), torch.randn(3, 16, dtype=torch.float64)
    assert torch.equal(onednn(x, linear.weight, linear.bias), linear(x))
    linear, x = layer(), torch.randn(3, 16)
    linear.kernel = onednn
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(x).dtype == torch.bfloat16


@pytest.mark.parametrize(("make", "tolerance"), PREPARED.values(), ids=PREPARED)
@pytest.mark.parametrize("bias", [True, False])
def test_a_prepared_kernel_follows_its_weight(make: Callable[[], Kernel], tolerance: float, bias: bool) -> None:
    linear, x = layer(bias), torch.randn(3, 4, 16, generator=torch.Generator().manual_seed(1))
    linear.kernel = make()
    fresh = {name: torch.randn_like(tensor) for name, tensor in linear.state_dict().items()}
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: linear.weight.mul_(-2),
        lambda: linear.load_state_dict(fresh),
        lambda: setattr(linear, "weight", nn.Parameter(torch.randn(24, 16))),
    ]
    for change in changes:
        with torch.no_grad():
            change()
            expected = F.linear(x, linear.weight, linear.bias)
            torch.testing.assert_close(linear(x), expected, rtol=0, atol=tolerance * expected.abs().max().item())


def test_a_new_weight_at_the_address_of_an_old_one_is_noticed() -> None:
    kernel, x = Packed(12), torch.randn(3, 16)
    with torch.no_grad():
        for _ in range(20):
            weight = torch.randn(24, 16)
            torch.testing.assert_close(kernel(x, weight, None), F.linear(x, weight))
            del weight


@pytest.mark.parametrize("make", [make for make, _ in PREPARED.values()], ids=PREPARED)
def test_a_prepared_kernel_steps_back_where_a_gradient_is_wanted(make: Callable[[], Kernel]) -> None:
    linear, x = layer(), torch.randn(3, 16)
    linear.kernel = make()
    linear(x).square().sum().backward()
    expected = torch.autograd.grad(F.linear(x, linear.weight, linear.bias).square().sum(), linear.weight)[0]
    assert torch.equal(linear.weight.grad, expected)
    linear.requires_grad_(False)
    linear(x.requires_grad_()).sum().backward()
    assert x.grad is not None


def test_the_weight_is_prepared_once() -> None:
    prepared = []

    class Counting(PreparedKernel):
        def prepare(self, weight: torch.Tensor) -> torch.Tensor:
            prepared.append(weight)
            return weight

        def run(self, x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
            return F.linear(x, self._prepared, bias)

    model = nn.Sequential(layer(), nn.ReLU(), nn.LayerNorm(24))
    set_kernel(model, Counting)
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(2, 16))
    assert len(prepared) == 1
    with torch.inference_mode():
        model(torch.randn(2, 16))
    assert len(prepared) == 1
