"""The linear layer and its kernel for training: the product and the gradients of `F.linear`."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from headway.nn.kernels import Packed
from headway.nn.linear import Linear, onednn, set_kernel


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


def test_without_gradients_the_training_kernel_is_one_product() -> None:
    linear, x = layer(), torch.randn(3, 4, 16, generator=torch.Generator().manual_seed(1))
    expected = linear(x)
    linear.kernel = onednn
    with torch.inference_mode():
        torch.testing.assert_close(linear(x), expected, rtol=1e-5, atol=1e-6)
    assert "kernel=onednn" in repr(linear)


def test_every_layer_gets_a_kernel_of_its_own() -> None:
    model = nn.Sequential(layer(), nn.ReLU(), nn.Sequential(Linear(24, 3)))
    set_kernel(model, lambda: Packed(1))
    kernels = [module.kernel for module in model.modules() if isinstance(module, Linear)]
    assert all(isinstance(kernel, Packed) for kernel in kernels)
    assert kernels[0] is not kernels[1]
