"""Multitask autoencoder (Fig. 10), in whose features KID and FID are computed."""

from typing import NamedTuple

from torch import Tensor, nn

from benchmark.networks.deterministic import adaptive_average
from benchmark.networks.residual_block import LEAKY_SLOPE
from benchmark.networks.resnet import resnet_decoder, resnet_encoder

RESIDUAL_BLOCKS = 6
POOLED_SIDE = 2
DROPOUT = 0.5


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
    """

    required_multiple = 4
    """Height and width must be multiples of this."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.feature_dim = POOLED_SIDE**2 * 4 * width
        """Length of the features, 1024 at w = 64."""
        self.encoder = resnet_encoder(width, RESIDUAL_BLOCKS, nn.BatchNorm2d, bias=False)
        self.decoder = resnet_decoder(width, nn.BatchNorm2d, bias=False)
        self.classifier = nn.Sequential(
            nn.Linear(self.feature_dim, self.feature_dim),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.Dropout(DROPOUT),
            nn.Linear(self.feature_dim, 1),
        )

    def features(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [-1, 1] to (N, feature_dim)."""
        return self._pool(self.encoder(images))

    def forward(self, images: Tensor) -> AutoencoderOutput:
        """(N, 1, H, W) in [-1, 1], H and W multiples of 4, to reconstructions and domain logits."""
        bottleneck = self.encoder(images)
        logit = self.classifier(self._pool(bottleneck)).squeeze(1)
        return AutoencoderOutput(self.decoder(bottleneck), logit)

    @staticmethod
    def _pool(bottleneck: Tensor) -> Tensor:
        return adaptive_average(bottleneck, POOLED_SIDE).flatten(1)
