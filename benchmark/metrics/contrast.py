"""Whether bright stays bright: cycle consistency does not prevent a translation that inverts the contrast."""

import math
from collections.abc import Iterator

import numpy as np

from benchmark.data.slices import Images, Labels
from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

CORRELATION = Quantity(
    "contrast_correlation", "Correlation with the image before harmonization", "", "neither", (-1, 1), "this benchmark"
)
INVERTED = Quantity(
    "contrast_inverted",
    "Share of subjects with inverted contrast",
    "",
    "lower",
    (0, 1),
    "this benchmark",
    headline=True,
)
REORDERED = Quantity(
    "contrast_reordered",
    "Share of subjects with classes in another order of brightness",
    "",
    "lower",
    (0, 1),
    "this benchmark",
    headline=True,
)


class Contrast(Metric):
    """Pearson's correlation of intensities before and after harmonization inside the brain or retina mask, by subject.

    Scanners of one modality order the tissues alike, so that the true image on the target scanner has a correlation
    well above 0 (see the oracle's row). Neither direction is better: no harmonization has 1. Below 0 the contrast is
    inverted; ``contrast_inverted`` is then 1, else 0, and its mean a share of subjects.

    A translation can also invert the contrast between some tissues only, which hardly moves the correlation.
    ``contrast_reordered`` is 1 where the reference's classes, by their mean intensities inside the mask, are in another
    order of brightness than before, else 0. The background is no class; a subject with fewer than two has no score.
    """

    name = "contrast"
    quantities = (CORRELATION, INVERTED, REORDERED)
    needs = frozenset({Need.LABELS})

    def compute(self, view: CellView) -> Iterator[Score]:
        """Three rows for each subject."""
        store = view.pair.store
        for subject in view.subjects:
            before, after, mask = store.image(subject), view.images[subject], store.mask(subject)
            value = correlation(before, after, mask)
            inverted = math.nan if math.isnan(value) else float(value < 0)
            for quantity, number in ((CORRELATION, value), (INVERTED, inverted)):
                yield quantity.score(number, subject, reason="an image is constant within its mask")
            changed = reordered(before, after, store.labels(subject) * (mask > 0))
            yield REORDERED.score(changed, subject, reason="an order takes two classes inside the mask")


def reordered(before: Images, after: Images, labels: Labels) -> float:
    """1 if the classes' mean intensities are in another order after than before, else 0; NaN for fewer than two.

    Args:
        before: intensities.
        after: same shape.
        labels: same shape; 0 is no class.
    """
    from scipy.ndimage import mean
    from scipy.stats import rankdata

    classes = np.unique(labels[labels > 0])
    if len(classes) < 2:
        return math.nan
    return float((rankdata(mean(before, labels, classes)) != rankdata(mean(after, labels, classes))).any())


def correlation(before: Images, after: Images, mask: Labels) -> float:
    """Pearson's r inside the mask, all of one shape; NaN where either image is constant there."""
    inside = mask.astype(bool)
    pair = np.stack([before[inside], after[inside]]).astype(np.float64)
    if not inside.any() or (np.ptp(pair, axis=1) == 0).any():
        return math.nan
    coefficients = np.asarray(np.corrcoef(pair))
    return float(np.clip(coefficients[0, 1], -1, 1))
