"""How much of the Dice lost between scanners a method wins back."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need, Segmentation
from benchmark.metrics.overlap import ABSENT, DICE, confusion, dice
from benchmark.metrics.view import CellView
from benchmark.results.scores import SOURCE_ON_SOURCE, Score

LEAST_GAP = 0.05
"""The least difference of Dice that is a gap: the means of few subjects are known to a few hundredths, and a ratio to a
smaller difference not even to its sign."""


def gap_recovered(harmonized: float, cross: float, in_domain: float) -> float:
    """(harmonized - cross) / (in-domain - cross); NaN where the scanner change costs less than ``LEAST_GAP``.

    0 is no better than no harmonization, 1 as good as within the source domain.
    """
    gap = in_domain - cross
    return (harmonized - cross) / gap if gap >= LEAST_GAP else math.nan


def pooled(own: pd.DataFrame, references: pd.DataFrame) -> float:
    """The ratio of means over the subjects of all folds; mean over the labels that have a gap.

    Under leave-one-out a fold has one subject, whose gap may be close to 0 and its ratio arbitrary.
    """
    in_domain = references[references["method"] == SOURCE_ON_SOURCE]
    tables = [q.by("subject", scores) for q, scores in ((DICE, own), (CROSS, own), (DICE, in_domain))]
    labels = [label for label in tables[0] if all(label in table for table in tables)]
    means = [pd.concat([table[label] for table in tables], axis=1).dropna().mean() for label in labels]
    shares = [share for mean in means if not math.isnan(share := gap_recovered(*mean))]
    return float(np.mean(shares)) if shares else math.nan


CROSS = Quantity("dice_cross", "Dice, target segmentor on source images", "", "neither", (0, 1), "Section III-E")
GAP = Quantity(
    "gap_recovered",
    "Share of the Dice gap recovered",
    "",
    "higher",
    (-math.inf, math.inf),
    "this benchmark",
    headline=True,
    pool=pooled,
    pooled_from=DICE,
)


class GapRecovered(Metric):
    """Gap recovered by class, from mean Dice over the fold's test subjects, and ``dice_cross`` by subject.

    The ratio is of means, since ratios of single subjects explode where a gap is small. Only subjects with all three
    Dice scores count. A class whose gap is under 0.05 has no share, and the leaderboard names it.
    """

    name = "gap_recovered"
    quantities = (GAP, CROSS)
    needs = frozenset({Need.LABELS, Need.SEGMENTORS})

    def compute(self, view: CellView) -> Iterator[Score]:
        """A row for each class, and one for each class and subject without harmonization."""
        pair = view.pair
        harmonized = _dice_by_subject(view.segmentations(), pair.dataset.classes)
        cross = _dice_by_subject(pair.segmentations("target", "source"), pair.dataset.classes)
        in_domain = _dice_by_subject(pair.segmentations("source", "source"), pair.dataset.classes)
        for label, value in pair.dataset.labels.items():
            for subject in view.subjects:
                yield CROSS.score(float(cross[subject][value]), subject, label, ABSENT)
            rows = np.array([[d[s][value] for d in (harmonized, cross, in_domain)] for s in view.subjects])
            yield _gap_score(rows[~np.isnan(rows).any(axis=1)], label)


def _dice_by_subject(segmentations: Iterator[Segmentation], classes: int) -> Mapping[str, np.ndarray]:
    return {s.subject: dice(confusion(s.prediction, s.reference, classes)) for s in segmentations}


def _gap_score(rows: np.ndarray, label: str) -> Score:
    if not len(rows):
        return GAP.score(math.nan, label=label, reason="no subject has all three Dice scores")
    harmonized, cross, in_domain = rows.mean(axis=0)
    reason = f"no gap of {LEAST_GAP} or more: Dice {cross:.3f} across domains, {in_domain:.3f} within the source domain"
    return GAP.score(gap_recovered(harmonized, cross, in_domain), label=label, reason=reason)
