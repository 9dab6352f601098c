"""Cross-entropy of a projection to the vocabulary, with label smoothing (Szegedy et al. 2016, section 7), in pieces.

The logits of a batch are its largest tensor. Here a few hundred rows at a time are projected, scored and differentiated
while they are in the processor's cache, so that neither the logits nor their gradient ever exist whole, and nothing is
computed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from headway.nn.linear import Linear

IGNORED = -100


def linear_cross_entropy(
    hidden: Tensor, labels: Tensor, projection: Linear, *, smoothing: float = 0.0, rows: int = 512
) -> tuple[Tensor, Tensor]:
    """Summed loss and summed plain negative log-likelihood, in nats.

    Equal to `F.cross_entropy(projection(hidden), labels, reduction="sum", label_smoothing=smoothing)`; a row whose
    label is −100 counts zero.

    Args:
        hidden: `(tokens, d_model)`.
        labels: `(tokens,)`.
        projection: the layer to the vocabulary; its kernel does all products.
        smoothing: the share of probability spread evenly over the vocabulary.
        rows: how many tokens are projected at a time.

    Returns:
        The loss to differentiate and the negative log-likelihood to report, both scalars in float32 or wider.
    """
    wanted = torch.is_grad_enabled()  # inside `forward` it never is
    pieces: tuple[Tensor, Tensor] = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, projection.weight, projection.bias, labels, smoothing, rows, projection.kernel, wanted
    )
    return pieces


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        labels: Tensor,
        smoothing: float,
        rows: int,
        kernel: Callable[[Tensor, Tensor, Tensor | None], Tensor],
        wanted: bool,
    ) -> tuple[Tensor, Tensor]:
        wide = torch.promote_types(hidden.dtype, torch.float32)
        loss, likelihood = torch.zeros(2, dtype=wide, device=hidden.device)
        wanted = wanted and any(ctx.needs_input_grad)
        grad_hidden = torch.empty_like(hidden) if wanted else None
        grad_weight = torch.zeros_like(weight) if wanted else None
        grad_bias = torch.zeros_like(bias) if wanted and bias is not None else None
        for start in range(0, len(hidden), rows):
            piece, label = hidden[start : start + rows], labels[start : start + rows]
            real = (label != IGNORED)[:, None].to(wide)
            place = label[:, None].where(real > 0, 0)
            scores = kernel(piece, weight, bias).to(wide)  # (rows, vocabulary); from here on in place
            scores.sub_(scores.amax(-1, keepdim=True))
            said, mean = scores.gather(1, place), scores.mean(-1, keepdim=True) if smoothing else 0.0
            total = scores.exp_().sum(-1, keepdim=True)
            nll = ((total.log() - said) * real).sum()
            spread = ((total.log() - mean) * real).sum() if smoothing else nll
            loss, likelihood = loss + (1 - smoothing) * nll + smoothing * spread, likelihood + nll
            if grad_hidden is None or grad_weight is None:
                continue
            scores.mul_(real / total)
            if smoothing:
                scores.sub_(real * (smoothing / scores.shape[1]))
            grad = scores.scatter_add_(1, place, (smoothing - 1) * real).to(hidden.dtype)
            grad_hidden[start : start + rows] = kernel(grad, weight.t(), None)
            _add_product(grad_weight, grad, piece, kernel)
            if grad_bias is not None:
                grad_bias += grad.sum(0)
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
        ctx.mark_non_differentiable(likelihood)
        return loss, likelihood

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradients[0]
        hidden, weight, bias = (None if saved is None else saved * scale for saved in ctx.saved_tensors)
        return hidden, weight, bias, None, None, None, None, None


def _add_product(
    total: Tensor, left: Tensor, right: Tensor, kernel: Callable[[Tensor, Tensor, Tensor | None], Tensor]
) -> None:
    """Add leftᵀ · right to `total`: with torch's own kernel inside the product, else beside it."""
    is_plain = kernel is F.linear and total.dtype == left.dtype and not torch.is_autocast_enabled(total.device.type)
    if is_plain:
        total.addmm_(left.t(), right)
    else:
        total += kernel(left.t(), right.t(), None)
