"""ResNet generator with nine residual blocks of Zhu et al., ICCV 2017."""

from torch import Tensor, nn

from benchmark.networks.blocks import resnet_decoder, resnet_encoder
from benchmark.networks.normalization import InstanceNorm


class ResNet9Generator(nn.Module):
    """c7s1-w, d2w, d4w, nine residual blocks, u2w, uw, c7s1-1; instance norm, reflection padding, tanh.

    Convolutions before an instance norm keep their bias, as in the official implementation, so that the
    number of parameters is the published one, although the norm removes it.

    Args:
        width: channels w of the first convolution, 64 in the original.
    """

    required_multiple = 4
    """Height and width must be multiples of this."""
    smallest_images = (8, 8)
    """Shorter and longer side: a map of one pixel cannot be reflected."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.encoder = resnet_encoder(width, 9, InstanceNorm, bias=True)
        self.decoder = resnet_decoder(width, InstanceNorm, bias=True)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [-1, 1] to the same shape and range."""
        return self.decoder(self.encoder(images))
