"""The training objective, Eqs. 2 to 5 of the paper.

Expectations are means over the batch and over patches or pixels. All losses are computed in float32 or finer.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Divisor = Literal["pixels", "weights"]


def precise(values: Tensor) -> Tensor:
    """The same values in float32, or float64 if they are in float64."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def discriminator_loss(real_scores: Tensor, translated_scores: Tensor) -> Tensor:
    """First line of Eq. 2: ½ E[(1 - D(y))²] + ½ E[D(G(x))²], for scores of any shape."""
    real, translated = precise(real_scores), precise(translated_scores)
    return 0.5 * (1 - real).square().mean() + 0.5 * translated.square().mean()


def generator_loss(translated_scores: Tensor, *, halved: bool = True) -> Tensor:
    """Second line of Eq. 2: ½ E[(D(G(x)) - 1)²].

    Args:
        translated_scores: D(G(x)), any shape.
        halved: with the ½ of the equation; the published code leaves it out.
    """
    loss = (precise(translated_scores) - 1).square().mean()
    return 0.5 * loss if halved else loss


def l1_loss(images: Tensor, reference: Tensor, kept: Tensor | None = None) -> Tensor:
    """One expectation of Eq. 4, E[‖F(G(x)) - x‖₁], as a mean over pixels.

    Args:
        images: (N, 1, H, W).
        reference: the same shape.
        kept: (N, 1, H, W), true for the pixels that count; None means all.
    """
    if kept is None:
        return F.l1_loss(precise(images), precise(reference))
    return ((precise(images) - precise(reference)).abs() * kept).sum() / kept.sum()


def weighted_reference(labels: Tensor, class_weights: Tensor) -> Tensor:
    """λ_c s_c of Eq. 3: the one-hot label map, each class times its weight.

    Args:
        labels: (N, H, W), int64.
        class_weights: (classes,), background first.

    Returns:
        (N, classes, H, W), float32.
    """
    return F.one_hot(labels, len(class_weights)).movedim(-1, 1) * class_weights.view(1, -1, 1, 1)


def weighted_cross_entropy(
    logits: Tensor, reference: Tensor, kept: Tensor | None = None, *, divisor: Divisor = "pixels"
) -> Tensor:
    """One expectation of Eq. 3, E[-Σ_c λ_c s_c log S(x, c)], as a mean over pixels.

    Uses a one-hot reference because PyTorch's own loss has no deterministic kernel on GPUs.

    Args:
        logits: (N, classes, H, W), of which S(x, c) is the softmax.
        reference: λ_c s_c, from `weighted_reference`.
        kept: (N, 1, H, W), true for the pixels that count; None means all.
        divisor: what the sum over pixels is divided by. ``pixels``: their number, the plain mean. ``weights``: the sum
            of their weights λ_c, as in PyTorch's weighted mean and the published code; the share of foreground in each
            batch then scales the loss.
    """
    weights = reference.sum(dim=1, keepdim=True)
    each = -(reference * F.log_softmax(precise(logits), dim=1)).sum(dim=1, keepdim=True)
    counted = torch.ones_like(weights) if kept is None else kept
    return (each * counted).sum() / (counted if divisor == "pixels" else counted * weights).sum()
