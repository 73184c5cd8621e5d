"""The networks that the methods and the judges share, at any width; w = 64 is the paper's."""

from benchmark.networks.autoencoder import AutoencoderOutput, MultitaskAutoencoder
from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70
from benchmark.networks.extractor import SemanticExtractor
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.init import initialize_weights
from benchmark.networks.padding import crop_back, pad_to_multiple
from benchmark.networks.resnet9 import ResNet9Generator
from benchmark.networks.segmentation import SegmentationUNet, unet_depth
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
    "Variant",
    "crop_back",
    "initialize_weights",
    "pad_to_multiple",
    "unet_depth",
]
