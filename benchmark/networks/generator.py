"""Residual U-Net generator (Fig. 4 C), renormalized by segmentations or plain."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.blocks import LEAKY_SLOPE, RESIDUAL_BLOCKS, block_normalization
from benchmark.networks.grouping import Fusible, join
from benchmark.networks.renorm import Modulations, modulations
from benchmark.networks.resampling import HalvingConv2d, UpsamplingConv, doubled
from benchmark.networks.variant import Variant


class ResUNetGenerator(Fusible):
    """Translates images of one domain into another.

    Args:
        width: channels w of the first convolution, 64 in the paper.
        conditioned: every normalization in the residual blocks is a segmentation renormalization, and
            ``forward`` needs the embedding. Otherwise it is a plain one, and all else is the same.
        embedding_dim: length of the embedding, 512 in the paper; read only if conditioned.
        order: order of convolution, normalization and activation in a residual block.
        gamma: form of the renormalization's scale; read only if conditioned.
    """

    required_multiple = 16
    """Height and width must be multiples of this."""
    smallest_images = (16, 32)
    """Shorter and longer side: a bottleneck of a single pixel has no standard deviation."""

    def __init__(
        self,
        width: int = 64,
        *,
        conditioned: bool,
        embedding_dim: int = 512,
        order: Variant = "reference",
        gamma: Variant = "reference",
    ) -> None:
        super().__init__()
        self.conditioned = conditioned
        normalization = block_normalization(
            conditioned=conditioned, embedding_dim=embedding_dim, order=order, gamma=gamma
        )
        w, block = width, RESIDUAL_BLOCKS[order]
        self.stem = HalvingConv2d(1, w)
        self.encoder = nn.ModuleList(
            block(i, o, normalization) for i, o in ((w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w))
        )
        self.downsample = nn.ModuleList(HalvingConv2d(c, c) for c in (2 * w, 4 * w, 8 * w))
        self.bottleneck = block(8 * w, 8 * w, normalization)
        self.middle = nn.ModuleList(block(8 * w, 8 * w, normalization) for _ in range(2))
        self.decoder = nn.ModuleList(
            block(i, o, normalization) for i, o in ((16 * w, 4 * w), (8 * w, 2 * w), (4 * w, w))
        )
        self.head = UpsamplingConv(w, 1)

    def forward(self, images: Tensor, embedding: Tensor | None = None) -> Tensor:
        """Translates a batch.

        Args:
            images: (N, 1, H, W) in [-1, 1]; H and W multiples of 16, and more than one pixel left at H/16 × W/16.
            embedding: (N, embedding_dim), of the images' segmentations; none for a plain generator.

        Returns:
            (N, 1, H, W) in [-1, 1].

        Raises:
            ValueError: an embedding is missing or not wanted, or the images have a size that does not fit.
        """
        condition, groups = self._condition(images, embedding), self.groups
        features = F.relu(self.stem(images), inplace=True)
        skips = []
        for block, downsample in zip(self.encoder, self.downsample, strict=True):
            features = block(features, *condition)
            skips.append(features)
            features = downsample(features)
        first, second = self.middle
        features = first(doubled(self.bottleneck(features, *condition), groups=groups), *condition)
        features = second(features, *condition)
        shallow, middle, deep = skips
        features = self.decoder[0](join(features, deep, groups), *condition)
        features = self.decoder[1](doubled(features, middle, groups=groups), *condition)
        features = self.decoder[2](doubled(features, shallow, groups=groups), *condition)
        # The head enlarges too; an activation before it is the same as one between enlarging and convolving.
        return torch.tanh(self.head(F.leaky_relu(features, LEAKY_SLOPE)))

    def _condition(self, images: Tensor, embedding: Tensor | None) -> tuple[Modulations, ...]:
        height, width = images.shape[-2:]
        multiple, smallest = self.required_multiple, self.smallest_images
        if (
            height % multiple
            or width % multiple
            or min(height, width) < smallest[0]
            or max(height, width) < smallest[1]
        ):
            raise ValueError(
                f"the generator takes images whose sides are multiples of {multiple}, one of them more than "
                f"{multiple}; got {height}x{width}"
            )
        if self.conditioned != (embedding is not None):
            raise ValueError(
                "a renormalized generator needs an embedding"
                if self.conditioned
                else "a plain generator takes no embedding"
            )
        return () if embedding is None else (modulations(self, embedding),)
