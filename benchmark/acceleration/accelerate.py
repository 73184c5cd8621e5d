"""The pass over a finished network that swaps layers for faster ones."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from benchmark.acceleration.fusion import FusedTwins
from benchmark.acceleration.grouping import (
    GroupedExtractor,
    GroupedPatchDiscriminator,
    GroupedPatchDiscriminator70,
    GroupedReferenceResUNet,
    GroupedResidualUNet,
    GroupedSegmentationUNet,
)
from benchmark.acceleration.normalization import FoldedInstanceNorm, FoldedRenorm
from benchmark.acceleration.resampling import DoublingConv2d, HalvingConv2d
from benchmark.acceleration.residual_unet import FastPostNormBlock, FastPreNormBlock, FastResUNetGenerator
from benchmark.acceleration.winograd import WinogradConv2d, WinogradReflectConv2d
from benchmark.networks.deterministic import ReflectConv2d
from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.renormalization import EPSILON, SegmentationRenorm
from benchmark.networks.residual_block import PostNormResidualBlock, PreNormResidualBlock
from benchmark.networks.residual_unet import ReferenceResUNet, ResidualUNet
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.networks.semantic_extractor import SemanticExtractor
from benchmark.networks.twins import Twins

_SWAPS: dict[type[nn.Module], type[nn.Module]] = {
    SegmentationRenorm: FoldedRenorm,
    PreNormResidualBlock: FastPreNormBlock,
    PostNormResidualBlock: FastPostNormBlock,
    ResUNetGenerator: FastResUNetGenerator,
    SegmentationUNet: GroupedSegmentationUNet,
    ResidualUNet: GroupedResidualUNet,
    ReferenceResUNet: GroupedReferenceResUNet,
    SemanticExtractor: GroupedExtractor,
    PatchDiscriminator: GroupedPatchDiscriminator,
    PatchDiscriminator70: GroupedPatchDiscriminator70,
    Twins: FusedTwins,
}


def accelerate(network: nn.Module) -> nn.Module:
    """Swaps layers of a network for faster ones, in place.

    A faster layer is a subclass of the plain one: it has the same parameters and state-dict keys, and its results and
    gradients differ by rounding alone. Layers of other classes, among them subclasses of those below, stay as they are.

    Returns:
        The same network.
    """
    for module in list(_swappable(network)):
        if faster := _faster(module):
            module.__class__ = faster
    return network


def _swappable(network: nn.Module) -> Iterator[nn.Module]:
    yield network
    if not isinstance(network, SemanticExtractor):  # its convolutions are read in a memory layout of their own
        for child in network.children():
            yield from _swappable(child)


def _faster(module: nn.Module) -> type[nn.Module] | None:
    kind: Any = type(module)
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        plain = module.groups == 1 and module.dilation == (1, 1) and module.padding_mode == "zeros"
        shape = (kind, module.kernel_size, module.stride, module.padding, module.output_padding)
        return _CONVOLUTIONS.get(shape) if plain else None
    if kind is nn.InstanceNorm2d:
        return None if module.affine or module.track_running_stats or module.eps != EPSILON else FoldedInstanceNorm
    return _SWAPS.get(kind)


# By class, kernel, stride, padding and padding of the results.
_CONVOLUTIONS: dict[tuple[object, ...], type[nn.Module]] = {
    (nn.Conv2d, (3, 3), (1, 1), (1, 1), (0, 0)): WinogradConv2d,
    (nn.Conv2d, (4, 4), (2, 2), (1, 1), (0, 0)): HalvingConv2d,
    (nn.ConvTranspose2d, (4, 4), (2, 2), (1, 1), (0, 0)): DoublingConv2d,
    (ReflectConv2d, (3, 3), (1, 1), (0, 0), (0, 0)): WinogradReflectConv2d,
}
