"""The contract of a metric: it declares what it measures and needs, and returns rows."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmark.config.base import Strict
from benchmark.config.dataset import DatasetConfig
from benchmark.data.slices import Labels
from benchmark.results.scores import Score

if TYPE_CHECKING:
    from benchmark.metrics.view import CellView


_ROUNDING = 1e-9


@dataclass(frozen=True)
class Quantity:
    """One number that a metric reports, as it stands in the ``metric`` column.

    Attributes:
        unit: empty for pure numbers.
        better: which direction is better, or ``neither`` for a description.
        bounds: values outside are a bug.
        headline: stands in the leaderboard, averaged over subjects, labels and folds.
    """

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    bounds: tuple[float, float]
    reference: str
    headline: bool = False

    def admits(self, value: float) -> bool:
        """Whether the value is within bounds, but for rounding."""
        low, high = self.bounds
        return low - _ROUNDING <= value <= high + _ROUNDING


class Need(Enum):
    """What a metric cannot do without; where it is missing, its rows are ``skipped`` with the reason."""

    LABELS = "label maps"
    TRUTH = "the truth of phantoms"
    SEGMENTORS = "the post-hoc segmentors"
    AUTOENCODER = "the pair's autoencoder"
    BACKWARD = "a method that also translates from target to source"


class Metric(ABC):
    """A metric. Subclass it in ``benchmark/metrics/<name>.py``."""

    name: ClassVar[str]
    quantities: ClassVar[tuple[Quantity, ...]]
    needs: ClassVar[frozenset[Need]] = frozenset()
    option_model: ClassVar[type[Strict]] = Strict

    def __init__(self, options: Strict) -> None:
        self.options: Any = options

    def not_applicable(self, view: "CellView") -> str | None:
        """Reason why the metric means nothing for this cell, or None."""
        return None

    @abstractmethod
    def compute(self, view: "CellView") -> Iterator[Score]:
        """Scores of a cell that has harmonized images."""


@dataclass(frozen=True)
class Segmentation:
    """Post-hoc segmentation of one whole test subject beside its labels, both (slices, rows, columns).

    Attributes:
        spacing: mm between slices, rows and columns.
    """

    subject: str
    prediction: Labels
    reference: Labels
    spacing: tuple[float, float, float]


class SegmentationMetric(Metric):
    """A metric that needs only a segmentation and its reference, so it also scores the in-domain reference rows."""

    needs = frozenset({Need.LABELS, Need.SEGMENTORS})

    def compute(self, view: "CellView") -> Iterator[Score]:
        """Scores of the target segmentor on the harmonized images."""
        for segmentation in view.segmentations():
            yield from self.compare(segmentation, view.pair.dataset)

    @abstractmethod
    def compare(self, segmentation: Segmentation, dataset: DatasetConfig) -> Iterator[Score]:
        """Scores of one subject."""
