"""U-Net with residual blocks (Fig. 4 A): the networks S and Q, and the published code's generator of its baselines."""

from typing import Literal

import torch
from torch import Tensor, nn

from benchmark.networks.residual_block import PLAIN_NORMALIZATIONS, RESIDUAL_BLOCKS
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.networks.variant import Variant

DROPOUT = 0.5
LEVELS_WITHOUT_DROPOUT = 3
"""The outermost ones: of the seven levels for crops of 128 and more, the four inner ones have dropout."""

SegmentorKind = Literal["residual_unet", "unet"]


class ResidualUNet(SegmentationUNet):
    """`SegmentationUNet` with a residual block before each halving, and dropout 0.5 in its inner up-sampling levels.

    A block keeps the channels of its map, so that the first one, on the image, has a single channel. Dropout follows
    the norm of a level. Convolutions before a norm have a bias, so that the number of parameters is that of the
    published code.

    Args:
        classes: classes of the segmentation, background included.
        depth: number of halvings, at least 2; `unet_depth` of the training crop.
        width: channels w of the first halving, 64 in the paper.
        order: order and kind of normalization and activation in a residual block.
    """

    def __init__(self, classes: int, *, depth: int, width: int = 64, order: Variant = "reference") -> None:
        super().__init__(classes, depth=depth, width=width, bias=True)
        block, normalization = RESIDUAL_BLOCKS[order], PLAIN_NORMALIZATIONS[order]
        channels = [1, *(width * min(2**level, 8) for level in range(depth - 1))]
        for level, c in enumerate(channels):
            self.encoder[level] = nn.Sequential(block(c, c, normalization), self.encoder[level])
        for level in range(depth - LEVELS_WITHOUT_DROPOUT):
            self.decoder[level] = nn.Sequential(self.decoder[level], nn.Dropout(DROPOUT))


class ReferenceResUNet(nn.Module):
    """`ResidualUNet` from image to image: what the published code has as generator of all methods but the proposed one.

    Args:
        depth: number of halvings, at least 2; `unet_depth` of the training crop.
        width: channels w of the first halving, 64 in the published code.
        order: order and kind of normalization and activation in a residual block.
    """

    def __init__(self, *, depth: int, width: int = 64, order: Variant = "reference") -> None:
        super().__init__()
        self.unet = ResidualUNet(1, depth=depth, width=width, order=order)
        self.required_multiple = self.unet.required_multiple
        """Height and width must be multiples of this."""

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [-1, 1] to the same shape and range; H and W multiples of ``required_multiple``."""
        return torch.tanh(self.unet(images))


def segmentation_network(
    kind: SegmentorKind, classes: int, *, depth: int, width: int, order: Variant = "reference"
) -> SegmentationUNet:
    """A segmentation network.

    Args:
        kind: with residual blocks, as Fig. 4 A most likely has them and the published code has, or plain.
        classes: classes of the segmentation, background included.
        depth: number of halvings, at least 2; `unet_depth` of the training crop.
        width: channels w of the first halving.
        order: of the residual blocks; means nothing to a plain one.
    """
    if kind == "unet":
        return SegmentationUNet(classes, depth=depth, width=width)
    return ResidualUNet(classes, depth=depth, width=width, order=order)
