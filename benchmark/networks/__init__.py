"""The networks that the methods and the judges share, at any width; w = 64 is the paper's."""

from benchmark.networks.autoencoder import AutoencoderOutput, MultitaskAutoencoder
from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.padding import crop_back, pad_to_multiple
from benchmark.networks.resnet import ResNet9Generator
from benchmark.networks.segmentation_unet import SegmentationUNet, unet_depth
from benchmark.networks.semantic_extractor import SemanticExtractor
from benchmark.networks.twins import Twins
from benchmark.networks.variant import Variant

__all__ = [
    "AutoencoderOutput",
    "MultitaskAutoencoder",
    "PatchDiscriminator",
    "PatchDiscriminator70",
    "ResNet9Generator",
    "ResUNetGenerator",
    "SegmentationUNet",
    "SemanticExtractor",
    "Twins",
    "Variant",
    "crop_back",
    "initialize_weights",
    "pad_to_multiple",
    "unet_depth",
]
