"""The pass over a finished network that swaps layers for faster ones."""

from collections.abc import Callable, Iterator

from torch import nn

from benchmark.acceleration.fusion import FusedTwins
from benchmark.acceleration.grouping import (
    GroupedExtractor,
    GroupedPatchDiscriminator,
    GroupedPatchDiscriminator70,
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
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.networks.semantic_extractor import SemanticExtractor
from benchmark.networks.twins import Twins

Swap = type[nn.Module] | None


def accelerate(network: nn.Module) -> nn.Module:
    """Swaps layers of a network for faster ones, in place.

    A faster layer is a subclass of the plain one: it has the same parameters and state-dict keys, and its results and
    gradients differ by rounding alone. Layers of other classes, among them subclasses of those below, stay as they are.

    Returns:
        The same network.
    """
    for module in list(_swappable(network)):
        if faster := _SWAPS.get(type(module), _stays)(module):
            module.__class__ = faster
    return network


def _swappable(network: nn.Module) -> Iterator[nn.Module]:
    yield network
    if not isinstance(network, SemanticExtractor):  # its convolutions are read in a memory layout of their own
        for child in network.children():
            yield from _swappable(child)


def _stays(module: nn.Module) -> Swap:
    return None


def _always(faster: type[nn.Module]) -> Callable[..., Swap]:
    return lambda module: faster


def _convolution(conv: nn.Conv2d) -> Swap:
    if conv.groups > 1 or conv.dilation != (1, 1) or conv.padding_mode != "zeros" or conv.padding != (1, 1):
        return None
    swaps: dict[object, type[nn.Module]] = {((3, 3), (1, 1)): WinogradConv2d, ((4, 4), (2, 2)): HalvingConv2d}
    return swaps.get((conv.kernel_size, conv.stride))


def _transposed_convolution(conv: nn.ConvTranspose2d) -> Swap:
    shape = (conv.kernel_size, conv.stride, conv.padding, conv.output_padding, conv.dilation, conv.groups)
    return DoublingConv2d if shape == ((4, 4), (2, 2), (1, 1), (0, 0), (1, 1), 1) else None


def _instance_norm(norm: nn.InstanceNorm2d) -> Swap:
    return None if norm.affine or norm.track_running_stats or norm.eps != EPSILON else FoldedInstanceNorm


def _reflecting_convolution(conv: ReflectConv2d) -> Swap:
    return WinogradReflectConv2d if conv.kernel_size == (3, 3) else None


_SWAPS: dict[type[nn.Module], Callable[..., Swap]] = {
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _transposed_convolution,
    nn.InstanceNorm2d: _instance_norm,
    ReflectConv2d: _reflecting_convolution,
    SegmentationRenorm: _always(FoldedRenorm),
    PreNormResidualBlock: _always(FastPreNormBlock),
    PostNormResidualBlock: _always(FastPostNormBlock),
    ResUNetGenerator: _always(FastResUNetGenerator),
    SegmentationUNet: _always(GroupedSegmentationUNet),
    SemanticExtractor: _always(GroupedExtractor),
    PatchDiscriminator: _always(GroupedPatchDiscriminator),
    PatchDiscriminator70: _always(GroupedPatchDiscriminator70),
    Twins: _always(FusedTwins),
}
