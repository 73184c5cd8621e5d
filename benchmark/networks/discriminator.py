"""Patch discriminators for least-squares losses: the paper's (Fig. 5) and that of Zhu et al., ICCV 2017."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from benchmark.networks.residual_block import LEAKY_SLOPE


def _conv(in_channels: int, out_channels: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 4, stride=stride, padding=1)


class PatchDiscriminator(nn.Module):
    """Four convolutions 4×4 with spectral norm on all but the last; receptive field 34×34.

    Args:
        width: channels w of the first convolution, 64 in the paper.
        in_channels: images given at once, side by side in the channels.
        power_iterations: of the spectral norm, each time that it is computed in training mode.
    """

    receptive_field = 34
    smallest_images = (12, 12)
    """Shorter and longer side of images that leave a score."""

    def __init__(self, width: int = 64, *, in_channels: int = 1, power_iterations: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            spectral_norm(_conv(in_channels, width, 2), n_power_iterations=power_iterations),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            spectral_norm(_conv(width, 2 * width, 2), n_power_iterations=power_iterations),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            spectral_norm(_conv(2 * width, 4 * width, 1), n_power_iterations=power_iterations),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            _conv(4 * width, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, in_channels, H, W) in [-1, 1] to one score a patch, (N, 1, H/4 - 2, W/4 - 2)."""
        with parametrize.cached():
            kind = images.device.type
            if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
                with torch.autocast(kind, enabled=False):
                    for layer in self.layers:  # otherwise a GPU computes spectral norm in half precision
                        getattr(layer, "weight", None)
            return self.layers(images)


class PatchDiscriminator70(nn.Module):
    """C64-C128-C256-C512 with instance norm on all but the first and the last; receptive field 70×70.

    Args:
        width: channels w of the first convolution, 64 in the original.
    """

    receptive_field = 70
    smallest_images = (24, 24)
    """Shorter and longer side of images that leave a score."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _conv(1, width, 2),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            _conv(width, 2 * width, 2),
            nn.InstanceNorm2d(2 * width),
            nn.LeakyReLU(LEAKY_SLOPE),
            _conv(2 * width, 4 * width, 2),
            nn.InstanceNorm2d(4 * width),
            nn.LeakyReLU(LEAKY_SLOPE),
            _conv(4 * width, 8 * width, 1),
            nn.InstanceNorm2d(8 * width),
            nn.LeakyReLU(LEAKY_SLOPE),
            _conv(8 * width, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [-1, 1] to one score a patch, (N, 1, H/8 - 2, W/8 - 2)."""
        return self.layers(images)
