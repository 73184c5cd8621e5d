"""The proposed method: S-CycleGAN whose generators are renormalized by the predicted segmentation."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from benchmark.methods.base import TaskInfo
from benchmark.methods.cycle import DomainNetworks
from benchmark.methods.options import SegmentationOptions, switch
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.semantic_extractor import SemanticExtractor
from benchmark.networks.variant import Variant
from methods.s_cyclegan import SCycleGAN, segment


class SegRenormOptions(SegmentationOptions):
    """Adds renormalization (Eq. 1) and the semantic extractor (Fig. 4 B)."""

    # Of two square layers and one for each block: at 4096, they alone have more weights than all else together.
    embedding_dim: int = Field(512, ge=1, le=4096)
    gamma: Variant = switch(
        paper="paper", reference="reference", default="reference", description="scale by γ (paper) or by 1 + γ"
    )
    extractor_pooling: Variant = switch(
        paper="paper", reference="reference", default="reference", description="average (2, 4) or maximum of 2 x 2"
    )
    extractor_input: Literal["probabilities", "logits"] = switch(
        paper="probabilities", reference="logits", default="reference", description="what the extractor reads"
    )


class SegRenorm(SCycleGAN):
    """Eqs. 1 to 5. Each generator has an extractor of its own, which reads what its domain's segmentor predicts."""

    name = "segrenorm"
    title = "Proposed"
    reference = (
        "Ren, Dey et al., Segmentation-renormalized deep feature modulation for unpaired image harmonization, TMI 2021"
    )
    hyperparameters = SegRenormOptions
    fusible = True
    roles = ("generator", "segmentor", "extractor")

    def make_generator(self, task: TaskInfo, width: int) -> nn.Module:
        options = self.options
        return ResUNetGenerator(
            width, conditioned=True, embedding_dim=options.embedding_dim, order=options.block, gamma=options.gamma
        )

    def domain_networks(self, task: TaskInfo, width: int) -> dict[str, nn.Module]:
        extractor = SemanticExtractor(
            task.classes,
            crop_size=min(task.crop),
            width=width,
            embedding_dim=self.options.embedding_dim,
            pooling=self.options.extractor_pooling,
        )
        return {**super().domain_networks(task, width), "extractor": extractor}

    def learning_rates(self) -> dict[str, float]:
        return {**super().learning_rates(), "extractor": self.options.learning_rate_generators}

    def generate(self, networks: DomainNetworks, images: Tensor, logits: Tensor, *, dropout: bool = True) -> Tensor:
        read = logits.softmax(dim=1) if self.options.extractor_input == "probabilities" else logits
        return networks["generator"](images, networks["extractor"](read, dropout=dropout))

    def translate_with(self, networks: DomainNetworks, images: Tensor) -> Tensor:
        return self.generate(networks, images, segment(networks, images))
