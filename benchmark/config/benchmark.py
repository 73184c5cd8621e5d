"""A benchmark: which datasets, pairs, folds, methods, seeds, judges and metrics."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from benchmark.config.base import NAME, Schedule, Strict, distinct
from benchmark.config.dataset import Crops, LabelKind
from benchmark.runtime import paths

MOST_MINUTES = 525_600
"""A year; more is a slip."""


class DatasetUse(Strict):
    """The part of a dataset that a benchmark uses; ``None`` means all of it."""

    pairs: tuple[str, ...] | None = Field(None, min_length=1)
    folds: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(None, min_length=1)
    training: Crops | None = Field(None, description="overrides the dataset's crops and batch size")

    _distinct = field_validator("pairs", "folds")(distinct)


class TrainingSettings(Strict):
    """Settings that all methods share, so that only the methods differ."""

    width: int = Field(64, ge=4, le=512, description="channels w of the first layer")
    schedule: Schedule
    precision: Literal["auto", "32-true", "bf16-mixed"] = Field(
        "auto",
        description="for training the methods: float32, or bf16 with losses, statistics and weights in float32; auto "
        "chooses bf16 where the processor or GPU multiplies matrices in bf16",
    )
    initial_std: float = Field(0.02, gt=0, description="standard deviation of the initial weights")
    start: Literal["random", "identity"] = Field(
        "random",
        description="what adversarial methods start from: random weights, as in the paper, or generators that have "
        "learned to leave images alone, which prevents inverted contrast",
    )
    identity_steps: int = Field(0, ge=0, description="first steps of the schedule that are spent on that")

    @model_validator(mode="after")
    def _said_how_long(self) -> "TrainingSettings":
        if (self.start == "identity") != (self.identity_steps > 0):
            raise ValueError("start: identity needs identity_steps of 1 or more, and only that start has any")
        return self


class AutoencoderSettings(Strict):
    """The judge of fidelity (appendix of the paper; width and sizes are the benchmark's)."""

    variant: Literal["paper", "reference"] = Field(
        "paper",
        description="Adam's β1 of 0.9 and a classifier of one hidden layer; or, as the published code, 0.5 and two",
    )
    crop: Literal["dataset", "whole"] = Field(
        "dataset",
        description="what it is trained on: random crops of the dataset's size, as in the paper, or whole slices; it "
        "judges whole slices",
    )
    recompute: bool = Field(
        False,
        description="computes maps again in the backward pass instead of keeping them: the same numbers in half the "
        "memory, for a third more time",
    )
    width: int = Field(64, ge=4, le=512)
    batch_size: int = Field(64, ge=2, le=4096, multiple_of=2, description="even: half the images are of each scanner")
    learning_rate: float = Field(1e-3, gt=0)
    schedule: Schedule


class SegmentorSettings(Strict):
    """The judge of utility: one U-Net per domain and fold."""

    network: Literal["unet", "residual_unet"] = Field(
        "unet", description="a plain U-Net, or one with a residual block before each halving, as the methods' S and Q"
    )
    width: int = Field(64, ge=4, le=512)
    batch_size: int = Field(4, ge=1, le=4096)
    learning_rate: float = Field(2e-4, gt=0)
    schedule: Schedule


class JudgeSettings(Strict):
    """The networks that score cells."""

    autoencoder: AutoencoderSettings
    segmentor: SegmentorSettings


class Limits(Strict):
    """Minutes after which a job of one cell is ended and its cell is ``failed``.

    A rule asks its scheduler for an hour more, so that this limit comes first.
    """

    train_minutes: float = Field(
        2820, gt=0, le=MOST_MINUTES, description="of a training; one that was interrupted has as long again"
    )
    harmonize_minutes: float = Field(180, gt=0, le=MOST_MINUTES, description="of harmonizing the test subjects")
    score_minutes: float = Field(
        420, gt=0, le=MOST_MINUTES, description="of scoring, which also has the method translate backward"
    )


class BenchmarkFile(Strict):
    """What a user writes: one file in ``config``, or elsewhere."""

    benchmark: str = Field(pattern=NAME, description="also the name of its folders in results, reports and logs")
    title: str
    note: str = Field(
        "", description="what readers should know before they read the numbers; shown at the top of the page"
    )
    datasets: dict[str, DatasetUse] = Field(min_length=1)
    methods: dict[str, dict[str, Any]] = Field(
        min_length=1, description="the methods by name, each with the hyperparameters that differ from its defaults"
    )
    proposed: str = Field(description="the method that the statistics compare with each other one")
    # A seed is also the name of a folder, the length of which file systems limit.
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field((0,), min_length=1)
    training: TrainingSettings
    kernels: Literal["portable", "native"] = Field(
        "native",
        description="of the processor: portable: at most AVX2, so that machines agree on the numbers; native: all",
    )
    checkpoint_every: int = Field(500, ge=1, description="steps between two checkpoints of a training")
    limits: Limits = Field(
        Limits.model_validate({}), description="when the job of a cell is ended and the cell counts as failed"
    )
    judges: JudgeSettings
    metrics: dict[str, dict[str, Any]] = Field(
        min_length=1, description="the metrics by name, each with the options that differ from its defaults"
    )

    _distinct = field_validator("seeds")(distinct)

    @field_validator("benchmark")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value == paths.REFERENCE.name:
            raise ValueError(f"'{value}' is the folder of the reference leaderboards; choose another name")
        return value

    @field_validator("datasets", "methods", "metrics", mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any) -> Any:
        # `cyclegan:` without a value is null in YAML, and means the defaults.
        return {k: {} if v is None else v for k, v in value.items()} if isinstance(value, Mapping) else value


EXTERNAL: Literal["external"] = "external"
"""Kind of a method of which only harmonized images are known."""


class MethodCard(Strict):
    """What a method says of itself, for plans and reports, which do not import it.

    Attributes:
        kind: as of ``benchmark.methods.Method``, or ``external`` for images that were harmonized elsewhere.
        not_applicable: for each kind of labels, the reason why the method cannot be run on it, if there is one.
    """

    name: str
    title: str
    reference: str = ""
    kind: Literal["control", "classical", "learned", "external"]
    needs_labels: bool = False
    needs_truth: bool = False
    not_applicable: dict[LabelKind, str | None] = Field(default_factory=dict)

    def is_trained_on(self, labels: LabelKind) -> bool:
        """Whether a job of its own trains the method on such labels."""
        return self.kind == "learned" and self.not_applicable.get(labels) is None


class BenchmarkConfig(BenchmarkFile):
    """A benchmark that was checked against its datasets, methods and metrics (``benchmark.pipeline.resolve``).

    Attributes:
        cards: of its methods, by name.
        checked_with: hash of the configs and the source code that it was checked with.
        digests: of that code (``benchmark.runtime.code_digest``), by their entry points.
    """

    cards: dict[str, MethodCard]
    checked_with: str = ""
    digests: dict[str, str] = Field(default_factory=dict)

    def is_trained(self, method: str) -> bool:
        """Whether chance has a part in the method's images; of one known by its images alone, it may have."""
        return method not in self.cards or self.cards[method].kind == "learned"

    @property
    def floors(self) -> list[str]:
        """Controls that leave the images as they are: what a method must not fall below."""
        return [name for name, card in self.cards.items() if card.kind == "control" and not card.needs_truth]

    @property
    def ceilings(self) -> list[str]:
        """Controls that give the true images: what a perfect method would give."""
        return [name for name, card in self.cards.items() if card.kind == "control" and card.needs_truth]

    @property
    def file(self) -> BenchmarkFile:
        """What the user wrote."""
        return BenchmarkFile.model_validate(self.model_dump(include=set(BenchmarkFile.model_fields)))
