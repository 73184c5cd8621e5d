"""How much of the segmentation quality that the scanner change cost a method wins back."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from benchmark.metrics.base import Metric, Need, Quantity, Segmentation
from benchmark.metrics.overlap import ABSENT, confusion, dice
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score, missing

CROSS = Quantity("dice_cross", "Dice, target segmentor on source images", "", "neither", (0, 1), "Section III-E")
GAP = Quantity(
    "gap_recovered",
    "Share of the Dice gap recovered",
    "",
    "higher",
    (-math.inf, math.inf),
    "this benchmark",
    headline=True,
)


def gap_recovered(harmonized: float, cross: float, in_domain: float) -> float:
    """(harmonized - cross) / (in-domain - cross); NaN where the scanner change cost nothing.

    0 is no better than without harmonization, 1 as good as within the source domain.
    """
    gap = in_domain - cross
    return (harmonized - cross) / gap if gap > 0 else math.nan


class GapRecovered(Metric):
    """Gap recovered for each class, from means over the fold's test subjects.

    Of means, because the ratio of single subjects explodes where a subject's gap is small. Only subjects count for
    which all three Dice scores exist. ``dice_cross`` stands beside it by subject, so that folds can be pooled.
    """

    name = "gap_recovered"
    quantities = (GAP, CROSS)
    needs = frozenset({Need.LABELS, Need.SEGMENTORS})

    def compute(self, view: CellView) -> Iterator[Score]:
        """A row for each class, and for each class and subject without harmonization."""
        pair = view.pair
        harmonized = _dice_by_subject(view.segmentations(), pair.dataset.classes)
        cross = _dice_by_subject(pair.segmentations("target", "source"), pair.dataset.classes)
        in_domain = _dice_by_subject(pair.segmentations("source", "source"), pair.dataset.classes)
        for label, value in pair.dataset.labels.items():
            for subject in view.subjects:
                score = float(cross[subject][value])
                yield (
                    missing("dice_cross", "skipped", ABSENT, subject=subject, label=label)
                    if math.isnan(score)
                    else Score("dice_cross", score, subject=subject, label=label)
                )
            rows = np.array([[d[s][value] for d in (harmonized, cross, in_domain)] for s in view.subjects])
            yield _gap_score(rows[~np.isnan(rows).any(axis=1)], label)


def _dice_by_subject(segmentations: Iterator[Segmentation], classes: int) -> Mapping[str, np.ndarray]:
    return {s.subject: dice(confusion(s.prediction, s.reference, classes)) for s in segmentations}


def _gap_score(rows: np.ndarray, label: str) -> Score:
    if not len(rows):
        return missing("gap_recovered", "skipped", "no subject has all three Dice scores", label=label)
    harmonized, cross, in_domain = rows.mean(axis=0)
    share = gap_recovered(harmonized, cross, in_domain)
    if math.isnan(share):
        reason = f"there is no gap: Dice {cross:.3f} across domains, {in_domain:.3f} within the source domain"
        return missing("gap_recovered", "skipped", reason, label=label)
    return Score("gap_recovered", share, label=label)
