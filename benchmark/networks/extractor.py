"""Semantic extractor (Fig. 4 B): from a predicted segmentation to the embedding that conditions a generator."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.deterministic import adaptive_average
from benchmark.networks.grouping import Fusible, linear
from benchmark.networks.grouping import dropout as drop
from benchmark.networks.variant import Variant

POOLED_SIDE = 7
DROPOUT = 0.5


class SemanticExtractor(Fusible):
    """Four convolutions with pooling and two linear layers.

    The last map is averaged onto 7×7 whatever its size, so that any crop or slice of more than 15 pixels a
    side gives an embedding; maps smaller than that are spread over it.

    Args:
        classes: channels of the segmentation.
        crop_size: shorter side of the training crops in pixels. Only the paper's pooling depends on it.
        width: channels w of the first convolution, 64 in the paper.
        embedding_dim: length of the embedding, 512 in the paper.
        pooling: what follows each convolution. ``reference``: the maximum of 2×2. ``paper``: AvgPool(2, 4),
            the average of 2×2 at every fourth pixel, and AvgPool(1, 2), every second pixel, for crops of 128
            (Fig. 4); crops under 256 take the latter, because the former leaves nothing of them.
    """

    def __init__(
        self,
        classes: int,
        *,
        crop_size: int,
        width: int = 64,
        embedding_dim: int = 512,
        pooling: Variant = "reference",
    ) -> None:
        super().__init__()
        channels = (classes, width, 2 * width, 4 * width, 8 * width)
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in pairwise(channels))
        self.pool: nn.Module = nn.MaxPool2d(2)
        if pooling == "paper":
            kernel, stride = (2, 4) if crop_size >= 256 else (1, 2)
            self.pool = nn.AvgPool2d(kernel, stride)
        self.linear1 = nn.Linear(POOLED_SIDE**2 * 8 * width, embedding_dim)
        self.linear2 = nn.Linear(embedding_dim, embedding_dim)

    def forward(self, segmentation: Tensor, *, dropout: bool = True) -> Tensor:
        """Embeds a batch of segmentations.

        Args:
            segmentation: (N, classes, H, W) logits or probabilities.
            dropout: with dropout, if also in training mode; the cycle's second pass goes without it.

        Returns:
            (N, embedding_dim).
        """
        # PyTorch's max pooling on a CPU is vectorized in this layout only: a third to half of the time goes.
        features = segmentation.contiguous(memory_format=torch.channels_last)
        for conv in self.convs:
            features = F.relu(self.pool(conv(features)))
        pooled = adaptive_average(features, POOLED_SIDE).flatten(1)
        hidden = F.relu(linear(self.linear1, pooled, self.groups))
        dropped = drop(hidden, DROPOUT, self.groups, training=self.training and dropout)
        return linear(self.linear2, dropped, self.groups)
