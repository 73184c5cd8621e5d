"""Whether bright stays bright: cycle consistency does not prevent a translation that inverts the contrast."""

import math
from collections.abc import Iterator

import numpy as np

from benchmark.data.slices import Images, Labels
from benchmark.metrics.base import Metric, Quantity
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


class Contrast(Metric):
    """Pearson's correlation of intensities before and after harmonization inside the brain or retina mask, by subject.

    Scanners of one modality order the tissues alike, so that the true image on the target scanner has a correlation
    well above 0 (see the oracle's row). Neither direction is better: no harmonization has 1. Below 0 the contrast is
    inverted; ``contrast_inverted`` is then 1, else 0, and its mean a share of subjects.
    """

    name = "contrast"
    quantities = (CORRELATION, INVERTED)

    def compute(self, view: CellView) -> Iterator[Score]:
        """Two rows for each subject."""
        store = view.pair.store
        for subject in view.subjects:
            value = correlation(store.image(subject), view.images[subject], store.mask(subject))
            inverted = math.nan if math.isnan(value) else float(value < 0)
            for quantity, number in ((CORRELATION, value), (INVERTED, inverted)):
                yield quantity.score(number, subject, reason="an image is constant within its mask")


def correlation(before: Images, after: Images, mask: Labels) -> float:
    """Pearson's r inside the mask, all of one shape; NaN where either image is constant there."""
    inside = mask.astype(bool)
    pair = np.stack([before[inside], after[inside]]).astype(np.float64)
    if not inside.any() or (np.ptp(pair, axis=1) == 0).any():
        return math.nan
    coefficients = np.asarray(np.corrcoef(pair))
    return float(np.clip(coefficients[0, 1], -1, 1))
