"""Instance normalization, the standardization that every generator and U-Net here shares."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.resampling import Maps

EPSILON = 1e-5


def instance_norm(features: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    """Standardizes each channel of each sample over its pixels, then scales and shifts it.

    The same numbers as ``F.instance_norm``, with two differences: the affine part may differ from sample
    to sample, and it runs in one kernel. Samples are folded into the channels and every channel is a group
    of its own, because PyTorch's group norm takes about half the time of its instance norm on a CPU. What follows
    must not change the result in place: it is a view, and autograd would copy the whole map to keep track of it.

    Args:
        features: (N, C, H, W), with H·W > 1.
        weight: (N, C) scales; none means 1.
        bias: (N, C) shifts; none means 0.

    Raises:
        ValueError: the map is a single pixel, which has no standard deviation.
    """
    samples, channels, height, width = features.shape
    if features.dtype.itemsize < 4:
        # Else a CPU rounds mean and deviation to the features' few digits before it computes gradients with them.
        like = features.new_ones((samples, channels), dtype=torch.float32)
        weight, bias = like if weight is None else weight.float(), 0 * like if bias is None else bias.float()
    folded = F.group_norm(
        features.reshape(1, samples * channels, height, width),
        samples * channels,
        None if weight is None else weight.reshape(-1),
        None if bias is None else bias.reshape(-1),
        EPSILON,
    )
    return folded.view(samples, channels, height, width)


class InstanceNorm(nn.InstanceNorm2d):
    """``nn.InstanceNorm2d`` without affine parameters and without running statistics, by `instance_norm`."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPSILON, affine=False, track_running_stats=False)

    def forward(self, input: Maps) -> Maps:  # type: ignore[override]
        """(N, C, H, W) to the same shape."""
        return instance_norm(input) if isinstance(input, Tensor) else input.each(instance_norm)
