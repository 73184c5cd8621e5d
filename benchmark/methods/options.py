"""Hyperparameters of the adversarial methods, and the switches between the paper's text and its published code."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from benchmark.config.base import Strict
from benchmark.methods.objective import Divisor
from benchmark.networks.residual_unet import SegmentorKind
from benchmark.networks.variant import Variant


def switch(*, paper: Any, reference: Any, default: Variant, description: str, **bounds: Any) -> Any:
    """A hyperparameter that differs between the paper and its published code: both values, and which is the default."""
    columns = {"paper": paper, "reference": reference}
    return Field(columns[default], json_schema_extra=columns, description=description, **bounds)


GeneratorKind = Literal["plain_resunet", "reference_resunet", "cyclegan_resnet9"]


def generator_switch() -> Any:
    """The generator of a method without renormalization."""
    return switch(
        paper="plain_resunet",
        reference="reference_resunet",
        default="paper",
        description="the proposed method's with plain normalization, that of the published code, or that of the "
        "official CycleGAN",
    )


class AdversarialOptions(Strict):
    """What all adversarial methods share; values from section III-B of the paper."""

    variant: Variant | None = Field(
        None, description="sets every switch that is not given as the paper or as its published code has it"
    )
    learning_rate_generators: float = Field(2e-4, gt=0)
    learning_rate_discriminators: float = Field(1e-4, gt=0)
    beta1: float = Field(0.5, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    lambda_gan: float = Field(1.0, ge=0)
    lambda_cyc: float = Field(10.0, ge=0)
    halved_adversarial: bool = switch(
        paper=True, reference=False, default="paper", description="the ½ in the generators' line of Eq. 2"
    )
    block: Variant = switch(
        paper="paper",
        reference="reference",
        default="reference",
        description="order and kind of normalization and activation in a residual block",
    )
    power_iterations: int = switch(
        paper=1,
        reference=3,
        default="paper",
        description="of the discriminators' spectral norm in each of their updates",
        ge=1,
        le=100,
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        return {**cls.preset(given), **given} if isinstance(given, Mapping) else given

    @classmethod
    def preset(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Values that follow from ``given``; keys in ``given`` override them."""
        chosen = given.get("variant")
        columns = {name: field.json_schema_extra for name, field in cls.model_fields.items()}
        return {n: c[chosen] for n, c in columns.items() if isinstance(c, dict) and chosen in ("paper", "reference")}


class SegmentationOptions(AdversarialOptions):
    """Adds the segmentation networks S and Q and Eq. 3."""

    segmentor: SegmentorKind = switch(
        paper="residual_unet",
        reference="residual_unet",
        default="paper",
        description="S and Q: a U-Net with a residual block before each halving, or a plain one",
    )
    learning_rate_segmentors: float = Field(2e-4, gt=0)
    lambda_seg_real: float = switch(paper=1.0, reference=0.5, default="paper", description="λ_seg on real images", ge=0)
    lambda_seg_translated: float = switch(
        paper=1.0, reference=0.05, default="paper", description="λ_seg on translated images", ge=0
    )
    cross_entropy_divisor: Divisor = switch(
        paper="pixels",
        reference="weights",
        default="paper",
        description="of the cross-entropy's sum over pixels (Eq. 3): their number, or the sum of their weights",
    )
