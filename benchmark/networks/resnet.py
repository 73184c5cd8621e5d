"""ResNet generator of Zhu et al., ICCV 2017, whose encoder and decoder the autoencoder (Fig. 10) shares."""

from torch import Tensor, nn

from benchmark.networks.deterministic import ReflectConv2d
from benchmark.networks.residual_block import Normalization


class ReflectResidualBlock(nn.Module):
    """Residual block of Zhu et al. 2017: conv 3×3, norm, ReLU, conv 3×3, norm, plus the input; reflection padding."""

    def __init__(self, channels: int, normalization: Normalization, *, bias: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ReflectConv2d(channels, channels, 3, bias=bias),
            normalization(channels),
            nn.ReLU(),
            ReflectConv2d(channels, channels, 3, bias=bias),
            normalization(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return features + self.body(features)


def resnet_encoder(width: int, blocks: int, normalization: Normalization, *, bias: bool) -> nn.Sequential:
    """c7s1-w, d2w, d4w and residual blocks (Zhu et al. 2017, appendix): (N, 1, H, W) to (N, 4w, H/4, W/4)."""
    return nn.Sequential(
        ReflectConv2d(1, width, 7, bias=bias),
        normalization(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=bias),
        normalization(2 * width),
        nn.ReLU(),
        nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1, bias=bias),
        normalization(4 * width),
        nn.ReLU(),
        *(ReflectResidualBlock(4 * width, normalization, bias=bias) for _ in range(blocks)),
    )


def resnet_decoder(width: int, normalization: Normalization, *, bias: bool) -> nn.Sequential:
    """u2w, uw, c7s1-1 and tanh (Zhu et al. 2017, appendix): (N, 4w, H/4, W/4) to (N, 1, H, W)."""
    return nn.Sequential(
        nn.ConvTranspose2d(4 * width, 2 * width, 3, stride=2, padding=1, output_padding=1, bias=bias),
        normalization(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1, bias=bias),
        normalization(width),
        nn.ReLU(),
        ReflectConv2d(width, 1, 7),
        nn.Tanh(),
    )


class ResNet9Generator(nn.Module):
    """c7s1-w, d2w, d4w, nine residual blocks, u2w, uw, c7s1-1; instance norm, reflection padding, tanh.

    Convolutions before an instance norm keep their bias, as in the official implementation, so that the number of
    parameters is the published one.

    Args:
        width: channels w of the first convolution, 64 in the original.
    """

    required_multiple = 4
    """Height and width must be multiples of this."""
    smallest_images = (8, 8)
    """Shorter and longer side: a map of one pixel cannot be reflected."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.encoder = resnet_encoder(width, 9, nn.InstanceNorm2d, bias=True)
        self.decoder = resnet_decoder(width, nn.InstanceNorm2d, bias=True)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [-1, 1] to the same shape and range."""
        return self.decoder(self.encoder(images))
