"""Semantic extractor (Fig. 4 B): from a predicted segmentation to the embedding that conditions a generator."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.deterministic import adaptive_average
from benchmark.networks.variant import Variant

POOLED_SIDE = 7
DROPOUT = 0.5


class SemanticExtractor(nn.Module):
    """Four convolutions with pooling and two linear layers.

    The last map is averaged onto 7×7 at any size, so that every crop or slice of more than 15 pixels a side gives an
    embedding; smaller maps are spread over it.

    Args:
        classes: channels of the segmentation.
        crop_size: shorter side of the training crops in pixels. Only the paper's pooling depends on it.
        width: channels w of the first convolution, 64 in the paper.
        embedding_dim: length of the embedding, 512 in the paper.
        pooling: what follows each convolution. ``reference``: the maximum of 2×2. ``paper``: AvgPool(2, 4), the average
            of 2×2 at every fourth pixel; for crops of 128, AvgPool(1, 2), every second pixel (Fig. 4). Crops under 256
            take the latter, because the former leaves nothing of them.
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
            dropout: in training mode, with dropout; the cycle's second pass goes without it.

        Returns:
            (N, embedding_dim).
        """
        features = segmentation
        for conv in self.convs:
            features = F.relu(self.pool(conv(features)))
        pooled = adaptive_average(features, POOLED_SIDE).flatten(1)
        hidden = F.relu(self.linear1(pooled))
        return self.linear2(F.dropout(hidden, DROPOUT, self.training and dropout))
