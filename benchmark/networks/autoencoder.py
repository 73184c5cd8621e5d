"""Multitask autoencoder (Fig. 10), in whose features KID and FID are computed."""

from typing import NamedTuple

from torch import Tensor, nn

from benchmark.networks.deterministic import adaptive_average
from benchmark.networks.recomputation import recomputed
from benchmark.networks.residual_block import LEAKY_SLOPE
from benchmark.networks.resnet import resnet_decoder, resnet_encoder
from benchmark.networks.variant import Variant

RESIDUAL_BLOCKS = 6
POOLED_SIDE = 2
DROPOUT = 0.5
HIDDEN_LAYERS: dict[Variant, int] = {"paper": 1, "reference": 2}
"""Of the classifier."""


class AutoencoderOutput(NamedTuple):
    """Output for a batch."""

    reconstruction: Tensor
    """(N, 1, H, W) in [-1, 1]."""
    domain_logit: Tensor
    """(N,); above 0 means the target domain."""


class MultitaskAutoencoder(nn.Module):
    """Reconstructs images and classifies their domain from one bottleneck.

    c7s1-w, d2w, d4w, six residual blocks, u2w, uw, c7s1-1, batch norm, tanh, without skip connections. The
    features are the bottleneck averaged onto 2×2; AvgPool(32, 32) in the paper is that for images of 256×256.

    Args:
        width: channels w of the first convolution, 64 in the paper.
        variant: the classifier of the paper, 1024-1024-1 at w = 64, or of the published code, 1024-1024-1024-1. Dropout
            0.5 follows each hidden layer.
        recompute: compute maps again in the backward pass instead of keeping them all, with the same results.
    """

    required_multiple = 4
    """Height and width must be multiples of this."""

    def __init__(self, width: int = 64, *, variant: Variant = "paper", recompute: bool = False) -> None:
        super().__init__()
        self.recompute = recompute
        self.feature_dim = POOLED_SIDE**2 * 4 * width
        """Length of the features, 1024 at w = 64."""
        self.encoder = resnet_encoder(width, RESIDUAL_BLOCKS, nn.BatchNorm2d, bias=False)
        self.decoder = resnet_decoder(width, nn.BatchNorm2d, bias=False)
        hidden: list[nn.Module] = []
        for _ in range(HIDDEN_LAYERS[variant]):
            linear = nn.Linear(self.feature_dim, self.feature_dim)
            hidden += [linear, nn.LeakyReLU(LEAKY_SLOPE, inplace=True), nn.Dropout(DROPOUT)]
        self.classifier = nn.Sequential(*hidden, nn.Linear(self.feature_dim, 1))

    def features(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [-1, 1] to (N, feature_dim)."""
        return self._pool(self.encoder(images))

    def forward(self, images: Tensor) -> AutoencoderOutput:
        """(N, 1, H, W) in [-1, 1], H and W multiples of 4, to reconstructions and domain logits."""
        bottleneck = self._run(self.encoder, images)
        logit = self.classifier(self._pool(bottleneck)).squeeze(1)
        return AutoencoderOutput(self._run(self.decoder, bottleneck), logit)

    def _run(self, layers: nn.Sequential, features: Tensor) -> Tensor:
        return recomputed(layers, features) if self.recompute else layers(features)

    @staticmethod
    def _pool(bottleneck: Tensor) -> Tensor:
        return adaptive_average(bottleneck, POOLED_SIDE).flatten(1)
