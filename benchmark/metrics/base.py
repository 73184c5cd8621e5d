"""The contract of a metric: it declares what it measures and needs, and returns rows."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pandas as pd

from benchmark.config.base import Strict
from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.inputs import Need, Segmentation
from benchmark.metrics.view import CellView, PairView
from benchmark.results.real_images import Side
from benchmark.results.scores import ALL, Score, missing

_ROUNDING = 1e-9
Place = Literal[
    "Table IV", "remarks of Table IV", "Table V", "Table VI", "Fig. 9a", "Table VIII", "Table S1", "unfit pairs",
    "nowhere",
]  # fmt: skip
Better = Literal["higher", "lower", "nearer", "neither"]


@dataclass(frozen=True)
class Quantity:
    """One number that a metric reports.

    Attributes:
        name: its value in the ``metric`` column of the scores.
        unit: empty for pure numbers.
        better: the better direction; ``nearer`` to ``aim``; or ``neither`` for a description.
        aim: the best value where that is neither the highest nor the lowest.
        bounds: a value outside is a bug.
        headline: whether the leaderboard shows it.
        primary: whether the leaderboard ranks by it; true for exactly one quantity.
        bold: which number is marked as the best, with its ties: the best of all methods; the best of the ``useful``
            ones, which are no worse than no harmonization by the primary quantity; or none.
        shown_in: the table or figure of the report that shows it. One of ``unfit pairs`` is 1 where a judge of the pair
            is unfit, and its title says why.
        position: orders the quantities of one table; equal ones stand in the order of the metrics' files.
        short: the abbreviation in heads that the paper abbreviates.
        pool: computes the number from all folds of one seed. Its arguments are the method's scores on a pair and those
            of real images (methods ``REFERENCES``), of status ``ok``; it returns NaN where the number is undefined.
            None: the mean over subjects, or over folds for scores of no single subject.
        pooled_from: with a ``pool``, the quantity from whose units the number is computed; they are counted beside it.
        interval: computes the ends of the 95 % interval from the method's scores on a pair, of all folds and seeds;
            NaN where there is none. None: that over subjects and seeds, for scores of single subjects.
        across_runs: what a rerun of the same benchmark may compare: ``all``; with other kernels no means, but the order
            of methods, as of distances in the features of a network that each run trains; or ``nothing``, where the
            machine is measured.
        spread: computes the standard deviation printed after the mean from the method's scores on a pair, of all folds
            and seeds. None: the standard deviation over seeds.
    """

    name: str
    title: str
    unit: str
    better: Better
    bounds: tuple[float, float]
    reference: str
    aim: float = math.nan
    headline: bool = False
    primary: bool = False
    bold: Literal["best", "useful", "never"] = "best"
    shown_in: Place = "Table S1"
    position: int = 0
    short: str = ""
    pool: Callable[[pd.DataFrame, pd.DataFrame], float] | None = None
    pooled_from: "Quantity | None" = None
    interval: Callable[[pd.DataFrame], tuple[float, float]] | None = None
    spread: Callable[[pd.DataFrame], float] | None = None
    across_runs: Literal["all", "order", "nothing"] = "all"

    @property
    def arrow(self) -> str:
        """The better direction as tables print it; empty for a description."""
        return {"higher": "↑", "lower": "↓", "nearer": f"→ {self.aim:g}", "neither": ""}[self.better]

    def shortfall(self, value: float) -> float:
        """A number that is the lower, the better the value is."""
        return {"higher": -value, "lower": value, "nearer": abs(value - self.aim), "neither": math.nan}[self.better]

    def admits(self, value: float) -> bool:
        """Whether the value is within bounds, up to rounding."""
        low, high = self.bounds
        return low - _ROUNDING <= value <= high + _ROUNDING

    def score(self, value: float, subject: str = ALL, label: str = "", reason: str = "") -> Score:
        """A row of scores; for NaN it is ``skipped`` with the reason."""
        if math.isnan(value):
            return missing(self.name, "skipped", reason, unit=self.unit, subject=subject, label=label)
        return Score(self.name, value, self.unit, subject, label)

    def rows(self, scores: pd.DataFrame) -> pd.DataFrame:
        """Its rows of a table of scores."""
        return scores[scores["metric"] == self.name]

    def by(self, unit: str, scores: pd.DataFrame) -> pd.DataFrame:
        """Its numbers with units (a column such as ``subject``) down and labels across, averaged over the rest."""
        return self.rows(scores).groupby([unit, "label"])["value"].mean().unstack("label")


class Metric(ABC):
    """A metric. Subclass it in ``benchmark/metrics/<name>.py``."""

    name: ClassVar[str]
    quantities: ClassVar[tuple[Quantity, ...]]
    needs: ClassVar[frozenset[Need]] = frozenset()
    option_model: ClassVar[type[Strict]] = Strict

    def __init__(self, options: Strict) -> None:
        self.options: Any = options

    def not_applicable(self, view: CellView) -> str | None:
        """Why the metric means nothing for this cell, or None."""
        return None

    @abstractmethod
    def compute(self, view: CellView) -> Iterator[Score]:
        """Scores of a cell that has harmonized images."""

    def of_real_images(self, view: PairView, side: Side) -> Iterator[Score]:
        """Scores of the real images of one scanner, which stand beside those of methods; by default none."""
        yield from ()


class SegmentationMetric(Metric):
    """A metric that needs only a segmentation and its reference, so that it also scores real images."""

    needs = frozenset({Need.LABELS, Need.SEGMENTORS})

    def compute(self, view: CellView) -> Iterator[Score]:
        """Scores of the target's segmentor on the harmonized images."""
        for segmentation in view.segmentations():
            yield from self.compare(segmentation, view.pair.dataset)

    def of_real_images(self, view: PairView, side: Side) -> Iterator[Score]:
        """Scores of a scanner's segmentor on the test images of that scanner."""
        for segmentation in view.segmentations(side, side):
            yield from self.compare(segmentation, view.dataset)

    @abstractmethod
    def compare(self, segmentation: Segmentation, dataset: DatasetConfig) -> Iterator[Score]:
        """Scores of one subject."""
