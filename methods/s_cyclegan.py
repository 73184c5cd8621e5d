"""S-CycleGAN: CycleGAN with segmentation networks that hold translations to the labels of their source."""

from dataclasses import dataclass
from typing import ClassVar, cast

from torch import Tensor, nn

from benchmark.methods.base import TaskInfo
from benchmark.methods.crops import Crops
from benchmark.methods.cycle import Cycle, CycleMethod, DomainNetworks, Translation, plain_generator
from benchmark.methods.objective import weighted_cross_entropy, weighted_reference
from benchmark.methods.options import GeneratorKind, SegmentationOptions, generator_switch
from benchmark.networks.padding import crop_back, pad_to_multiple
from benchmark.networks.residual_unet import segmentation_network
from benchmark.networks.segmentation_unet import unet_depth
from benchmark.training.trainer import Term


class SCycleGANOptions(SegmentationOptions):
    """Adds the choice of the generator."""

    generator: GeneratorKind = generator_switch()


@dataclass(frozen=True)
class SegmentedTranslation(Translation):
    """A translation and what the images' own segmentation network makes of them, (N, classes, H, W)."""

    logits: Tensor


@dataclass(frozen=True)
class SegmentedCycle(Cycle):
    """A cycle and what the segmentation networks of either domain make of its images, (N, classes, H, W)."""

    logits: Tensor
    translated_logits: Tensor


class SCycleGAN(CycleMethod):
    """Eqs. 2 to 5 with plain generators: the segmentation acts on images alone.

    ``segmentor`` is S among the source's networks and Q among the target's. Both learn from real and from translated
    images, and translations have the labels of what they were translated from.
    """

    name = "s_cyclegan"
    title = "S-CycleGAN"
    reference = (
        "Zhang et al., Translating and segmenting multimodal medical volumes with cycle- and shape-consistency "
        "generative adversarial network, CVPR 2018 (here in 2D)"
    )
    hyperparameters: ClassVar[type[SegmentationOptions]] = SCycleGANOptions
    fusible = True
    needs_labels = True

    def make_generator(self, task: TaskInfo, width: int) -> nn.Module:
        return plain_generator(self.options.generator, task.crop, width, self.options.block)

    def domain_networks(self, task: TaskInfo, width: int) -> dict[str, nn.Module]:
        kind, order = self.options.segmentor, self.options.block
        segmentor = segmentation_network(kind, task.classes, depth=unet_depth(*task.crop), width=width, order=order)
        return {**super().domain_networks(task, width), "segmentor": segmentor}

    def learning_rates(self) -> dict[str, float]:
        return {**super().learning_rates(), "segmentor": self.options.learning_rate_segmentors}

    def translation(self, here: DomainNetworks, crops: Crops) -> SegmentedTranslation:
        logits = segment(here, crops.images)
        return SegmentedTranslation(crops.keep(self.generate(here, crops.images, logits)), logits)

    def cycle(self, here: DomainNetworks, there: DomainNetworks, crops: Crops) -> SegmentedCycle:
        made = self.translation(here, crops)
        translated = made.translated
        # F is conditioned on what can be seen in the image that F gets, not on the labels that G had.
        translated_logits = segment(there, translated)
        reconstructed = self.generate(there, translated, translated_logits, dropout=False)
        scores = there["discriminator"](translated)
        return SegmentedCycle(translated, reconstructed, scores, made.logits, translated_logits)

    def terms(self, here: DomainNetworks, there: DomainNetworks, crops: Crops, cycle: SegmentedCycle) -> list[Term]:
        options = self.options
        real, translated = self._cross_entropies(crops, cycle.logits, cycle.translated_logits)
        return [
            *super().terms(here, there, crops, cycle),
            Term("segmentation_real", options.lambda_seg_real, real),
            Term("segmentation_translated", options.lambda_seg_translated, translated),
        ]

    def start_terms(self, crops: Crops, made: SegmentedTranslation) -> list[Term]:
        (real,) = self._cross_entropies(crops, made.logits)
        return [*super().start_terms(crops, made), Term("segmentation_real", self.options.lambda_seg_real, real)]

    def _cross_entropies(self, crops: Crops, *predicted: Tensor) -> list[Tensor]:
        """Eq. 3 of each prediction, against the labels of the crops."""
        reference = weighted_reference(crops.labels, crops.images.new_tensor(self.task.class_weights))
        divisor = self.options.cross_entropy_divisor
        return [weighted_cross_entropy(logits, reference, crops.kept, divisor=divisor) for logits in predicted]

    def generate(self, networks: DomainNetworks, images: Tensor, logits: Tensor, *, dropout: bool = True) -> Tensor:
        """Translates images of a domain; a plain generator makes no use of their segmentation."""
        return networks["generator"](images)


def segment(networks: DomainNetworks, images: Tensor) -> Tensor:
    """Logits of images of any size, padded with background to what the U-Net halves, and cropped back."""
    segmentor = networks["segmentor"]
    padded = pad_to_multiple(images, cast(int, segmentor.required_multiple))
    return crop_back(segmentor(padded), *images.shape[-2:])
