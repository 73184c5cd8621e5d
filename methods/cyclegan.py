"""CycleGAN: two generators that undo each other, and no labels."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, StrictBool
from torch import Tensor, nn

from benchmark.methods.base import FitContext, TaskInfo, TrainingSet
from benchmark.methods.crops import Crops
from benchmark.methods.cycle import Cycle, CycleMethod, DomainNetworks, plain_generator
from benchmark.methods.objective import l1_loss
from benchmark.methods.options import AdversarialOptions, GeneratorKind, generator_switch, switch
from benchmark.networks.discriminator import PatchDiscriminator70
from benchmark.networks.twins import DOMAINS
from benchmark.training.trainer import Term

# Defaults of github.com/junyanz/pytorch-CycleGAN-and-pix2pix (models/cycle_gan_model.py, options/train_options.py).
# Its identity loss weighs 0.5 of the cycle's.
OFFICIAL = {
    "generator": "cyclegan_resnet9",
    "discriminator": "patch70",
    "image_pool": 50,
    "lambda_identity": 5.0,
    "halved_adversarial": False,
    "learning_rate_discriminators": 2e-4,
}


class CycleGANOptions(AdversarialOptions):
    """``official`` sets every option that the official implementation has otherwise."""

    official: StrictBool = switch(
        paper=True, reference=False, default="reference", description="as the official implementation"
    )
    generator: GeneratorKind = generator_switch()
    discriminator: Literal["patch34_spectral", "patch70"] = "patch34_spectral"
    # They are kept in memory: 10,000 crops of 256 x 256 take 2.6 GB.
    image_pool: int = Field(0, ge=0, le=10_000, description="made images that a discriminator may be shown again later")
    lambda_identity: float = Field(0.0, ge=0, description="weight of the loss that G(y) = y")

    @classmethod
    def preset(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        values = super().preset(given)
        return values | OFFICIAL if given.get("official", values.get("official")) else values


class ImagePool:
    """Made images of the past, half of which a discriminator sees instead of the latest (Shrivastava et al. 2017).

    While the pool is not full, images go in and are shown. Later each is shown with probability ½; otherwise a random
    one of the pool is shown and the new one takes its place.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.images: list[Tensor] = []

    def exchange(self, images: Tensor, random: np.random.Generator) -> Tensor:
        """(N, 1, H, W) to the same shape."""
        return torch.stack([self._one(image, random) for image in images])

    def _one(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if len(self.images) < self._size:
            self.images.append(image)
            return image
        if random.random() < 0.5:
            return image
        place = int(random.integers(self._size))
        old, self.images[place] = self.images[place], image
        return old


class CycleGAN(CycleMethod):
    """Eqs. 2 and 4 alone."""

    name = "cyclegan"
    title = "CycleGAN"
    reference = "Zhu et al., Unpaired image-to-image translation using cycle-consistent adversarial networks, ICCV 2017"
    hyperparameters = CycleGANOptions
    fusible = True

    def __init__(self, options: CycleGANOptions) -> None:
        super().__init__(options)
        self._empty_pools()

    def fit(self, train: TrainingSet, context: FitContext) -> None:
        self._empty_pools()
        super().fit(train, context)

    def _empty_pools(self) -> None:
        self._pools = {domain: ImagePool(self.options.image_pool) for domain in DOMAINS}

    def kept(self) -> dict[str, list[Tensor]]:
        return {domain: pool.images for domain, pool in self._pools.items()}

    def make_generator(self, task: TaskInfo, width: int) -> nn.Module:
        return plain_generator(self.options.generator, task.crop, width, self.options.block)

    def make_discriminator(self, width: int) -> nn.Module:
        if self.options.discriminator == "patch70":
            return PatchDiscriminator70(width)
        return super().make_discriminator(width)

    def terms(self, here: DomainNetworks, there: DomainNetworks, crops: Crops, cycle: Cycle) -> list[Term]:
        terms = super().terms(here, there, crops, cycle)
        if self.options.lambda_identity:
            # What translates into this domain must leave its images alone.
            kept = l1_loss(there["generator"](crops.images), crops.images)
            terms.append(Term("identity", self.options.lambda_identity, kept))
        return terms

    def shown_to_discriminator(self, domain: str, made: Tensor, random: np.random.Generator) -> Tensor:
        return self._pools[domain].exchange(made, random) if self.options.image_pool else made
