"""The generator with maps that are enlarged as late as possible, and one product for all its modulations."""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.acceleration.grouping import Grouped, join
from benchmark.acceleration.normalization import FoldedInstanceNorm, Modulations, modulations
from benchmark.acceleration.resampling import Maps, convolve, doubled, enlarge_and_convolve, whole
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.residual_block import LEAKY_SLOPE, PostNormResidualBlock, PreNormResidualBlock

Condition = Tensor | Modulations


def _leaky_relu(features: Maps) -> Maps:
    def activate(values: Tensor) -> Tensor:
        return F.leaky_relu(values, LEAKY_SLOPE)

    return activate(features) if isinstance(features, Tensor) else features.each(activate)


class FastPreNormBlock(PreNormResidualBlock):
    """Of doubled maps too."""

    def forward(self, features: Maps, *condition: Condition) -> Tensor:
        """(N, in, H, W) to (N, out, H, W); every normalization takes ``condition``."""
        normalized = self.norm1(features, *condition)
        if self.projects:
            # Without parameters, one normalization is the other.
            again = type(self.shortcut_norm) is not FoldedInstanceNorm
            shortcut = convolve(self.shortcut_conv, self.shortcut_norm(features, *condition) if again else normalized)
        else:
            shortcut = whole(features)
        hidden = convolve(self.conv1, _leaky_relu(normalized))
        return self.conv2(F.leaky_relu(self.norm2(hidden, *condition), LEAKY_SLOPE)) + shortcut


class FastPostNormBlock(PostNormResidualBlock):
    """Of doubled maps too."""

    def forward(self, features: Maps, *condition: Condition) -> Tensor:
        """(N, in, H, W) to (N, out, H, W); every normalization takes ``condition``."""
        if self.projects:
            shortcut = self.shortcut_norm(convolve(self.shortcut_conv, features), *condition)
        else:
            shortcut = whole(features)
        hidden = F.relu(self.norm1(convolve(self.conv1, features), *condition))
        return F.relu(self.norm2(self.conv2(hidden), *condition)) + shortcut


class FastResUNetGenerator(Grouped, ResUNetGenerator):
    """`ResUNetGenerator`, accelerated."""

    def forward(self, images: Tensor, embedding: Tensor | None = None) -> Tensor:
        """As `ResUNetGenerator.forward`."""
        condition = () if embedding is None else (modulations(self, embedding),)
        groups = self.groups
        features = F.relu(self.stem(images), inplace=True)
        skips = []
        for block, downsample in zip(self.encoder, self.downsample, strict=True):
            features = block(features, *condition)
            skips.append(features)
            features = downsample(features)
        first, second = self.middle
        features = first(doubled(self.bottleneck(features, *condition), groups=groups), *condition)
        features = second(features, *condition)
        features = self.decoder[0](join(features, skips.pop(), groups), *condition)
        for block in self.decoder[1:]:
            features = block(doubled(features, skips.pop(), groups=groups), *condition)
        # An activation before the map is enlarged is the same as one after it.
        return torch.tanh(enlarge_and_convolve(self.head, F.leaky_relu(features, LEAKY_SLOPE)))
