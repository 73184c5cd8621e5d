"""A benchmark: which datasets, pairs, folds, methods, seeds, judges and metrics."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from benchmark.config.base import NAME, Schedule, Strict, distinct
from benchmark.config.dataset import Crops
from benchmark.runtime import paths

MOST_MINUTES = 525_600
"""A year; more is a slip."""


class DatasetUse(Strict):
    """What a benchmark takes of a dataset; ``None`` is all of it."""

    pairs: tuple[str, ...] | None = Field(None, min_length=1)
    folds: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(None, min_length=1)
    training: Crops | None = Field(None, description="overrides the dataset's crops and batch size")

    _distinct = field_validator("pairs", "folds")(distinct)


class TrainingSettings(Strict):
    """One schedule for every method that trains, so that the comparison isolates the method."""

    width: int = Field(64, ge=4, le=512, description="channels w of the first layer")
    schedule: Schedule
    precision: Literal["auto", "32-true", "bf16-mixed"] = Field(
        "auto",
        description="of the methods' networks in training: float32, bf16 with losses, statistics and weights in "
        "float32, or the latter where processor or GPU multiply matrices in bf16",
    )
    initial_std: float = Field(0.02, gt=0, description="standard deviation of the initial weights of every method")


class AutoencoderSettings(Strict):
    """The judge of fidelity (appendix of the paper; width and sizes are the benchmark's)."""

    width: int = Field(64, ge=4, le=512)
    batch_size: int = Field(64, ge=2, le=4096, multiple_of=2, description="even, as half is of each scanner")
    learning_rate: float = Field(1e-3, gt=0)
    schedule: Schedule


class SegmentorSettings(Strict):
    """The judge of utility: a U-Net for each domain and fold."""

    width: int = Field(64, ge=4, le=512)
    batch_size: int = Field(4, ge=1, le=4096)
    learning_rate: float = Field(2e-4, gt=0)
    schedule: Schedule


class JudgeSettings(Strict):
    """Networks that score cells."""

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


class BenchmarkConfig(Strict):
    """One file in ``config``, or elsewhere."""

    benchmark: str = Field(pattern=NAME, description="names its folders below results, reports and logs")
    title: str
    note: str = Field("", description="what readers must know before they read a number; stands at the top of the page")
    datasets: dict[str, DatasetUse] = Field(min_length=1)
    methods: dict[str, dict[str, Any]] = Field(min_length=1, description="name to hyperparameters that differ")
    proposed: str = Field("segrenorm", description="the method that every other is tested against")
    # A seed also names a folder, which must not be longer than a file system allows.
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field((0,), min_length=1)
    training: TrainingSettings
    kernels: Literal["portable", "native"] = Field(
        "native",
        description="of the processor: AVX2 and no more, so that machines agree on the numbers, or all that it has",
    )
    checkpoint_every: int = Field(500, ge=1, description="steps after which an unfinished training is saved")
    limits: Limits = Field(
        Limits.model_validate({}), description="when the job of a cell is ended and the cell counts as failed"
    )
    judges: JudgeSettings
    metrics: dict[str, dict[str, Any]] = Field(min_length=1, description="name to options that differ")

    _distinct = field_validator("seeds")(distinct)

    @field_validator("benchmark")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value == paths.REFERENCE.name:
            raise ValueError(f"'{value}' is where references are kept; name the benchmark otherwise")
        return value

    @field_validator("datasets", "methods", "metrics", mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any) -> Any:
        # In YAML `cyclegan:` without a value is null; people write it to say "with defaults".
        return {k: {} if v is None else v for k, v in value.items()} if isinstance(value, Mapping) else value
