"""SemGAN: S-CycleGAN that now and then sees only some of the classes."""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from benchmark.methods.crops import Crops
from methods.s_cyclegan import SCycleGAN, SCycleGANOptions


class SemGANOptions(SCycleGANOptions):
    """Adds semantic dropout."""

    semantic_dropout: float = Field(0.3, ge=0, le=1, description="probability for a batch")


class SemGAN(SCycleGAN):
    """S-CycleGAN plus semantic dropout."""

    name = "semgan"
    title = "SemGAN"
    reference = "Cherian & Sullivan, Sem-GAN: semantically-consistent image-to-image translation, WACV 2019"
    hyperparameters = SemGANOptions
    fusible = True

    @classmethod
    def not_applicable(cls, label_kind: Literal["dense", "sparse"]) -> str | None:
        if label_kind == "sparse":
            return "sparse lesion masks cannot be dropped out meaningfully"
        return None

    def augment(self, source: Crops, target: Crops, random: np.random.Generator) -> tuple[Crops, Crops]:
        """Keeps a random non-empty subset of the foreground classes that both batches hold, and the background.

        Every subset is equally likely. What is dropped becomes background in images and labels of both domains, and
        is left out of the losses of pixels (cycle, segmentation). The adversarial losses are of patches, which belong
        to no pixel: discriminators see both the real and the made images with the background there. Batches without a
        common class are left as they are.
        """
        if random.random() >= self.options.semantic_dropout:
            return source, target
        common = sorted({*source.labels.unique().tolist()} & {*target.labels.unique().tolist()} - {0})
        if not common:
            return source, target
        subset = int(random.integers(1, 2 ** len(common)))
        kept = [0, *(label for bit, label in enumerate(common) if subset >> bit & 1)]
        return drop_others(source, kept), drop_others(target, kept)


def drop_others(crops: Crops, classes: list[int]) -> Crops:
    """Pixels of all but these classes become background and count in no loss of pixels."""
    kept = torch.isin(crops.labels, torch.tensor(classes))
    everywhere = Crops(crops.images, crops.labels * kept, kept[:, None])
    return replace(everywhere, images=everywhere.keep(crops.images))
