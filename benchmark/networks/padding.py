"""Padding to the sizes that the networks take, and cropping back."""

import torch.nn.functional as F
from torch import Tensor

BACKGROUND = -1.0
"""Intensity outside the body."""


def pad_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """Surrounds images with background until their sides are multiples of a number.

    Half on each side, the odd pixel below and to the right. A reflection would put a second piece of anatomy beside the
    first.

    Args:
        images: (N, C, H, W) in [-1, 1].
        multiple: at least 1.

    Returns:
        (N, C, H', W') with H' and W' the next multiples; the images themselves if nothing is missing.
    """
    height, width = images.shape[-2:]
    rows, columns = -height % multiple, -width % multiple
    if not rows and not columns:
        return images
    top, left = rows // 2, columns // 2
    return F.pad(images, (left, columns - left, top, rows - top), value=BACKGROUND)


def crop_back(padded: Tensor, height: int, width: int) -> Tensor:
    """Undoes `pad_to_multiple`, on its result or on the output of a network.

    Args:
        padded: (N, C, H', W').
        height: rows before padding, at most H'.
        width: columns before padding, at most W'.

    Returns:
        (N, C, height, width), a view.
    """
    top, left = (padded.shape[-2] - height) // 2, (padded.shape[-1] - width) // 2
    return padded[..., top : top + height, left : left + width]
