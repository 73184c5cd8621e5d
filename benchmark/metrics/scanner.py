"""Whether a classifier can still tell the scanners apart."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.metrics.base import Metric, Need, Quantity
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

if TYPE_CHECKING:
    from torch import Tensor

FEWEST_SUBJECTS = 2
FOLDS = 5
REFERENCE = "Brodersen et al. 2010, ICPR"
ACCURACY = Quantity(
    "scanner_accuracy", "Scanner classification, balanced accuracy", "", "lower", (0, 1), REFERENCE, headline=True
)
BEFORE = Quantity(
    "scanner_accuracy_before", "Scanner classification before harmonization", "", "neither", (0, 1), REFERENCE
)


class ScannerClassification(Metric):
    """Balanced accuracy of a classifier trained afresh on harmonized source against target test slices.

    0.5 is ideal: the scanners cannot be told apart. The classifier is a regularized logistic regression on features of
    the pair's autoencoder. It is cross-validated by subject: slices of one subject are either all learned from or all
    classified, since otherwise it would recognize the person. Beside it, the same before harmonization.
    """

    name = "scanner"
    quantities = (ACCURACY, BEFORE)
    needs = frozenset({Need.AUTOENCODER})

    def not_applicable(self, view: CellView) -> str | None:
        """Reason where there are too few subjects to learn from some and classify others."""
        fewest = min(len(view.pair.subjects("source")), len(view.pair.subjects("target")))
        if fewest < FEWEST_SUBJECTS:
            return f"a split by subject needs {FEWEST_SUBJECTS} test subjects of each scanner; there is {fewest}"
        return None

    def compute(self, view: CellView) -> Iterator[Score]:
        """Two rows."""
        target = _arrays(view.pair.features("target"))

        def before() -> float:
            return cross_validated_accuracy(_arrays(view.pair.features("source")), target)

        yield Score("scanner_accuracy", cross_validated_accuracy(_arrays(view.features), target))
        yield Score("scanner_accuracy_before", view.pair.once("scanner_accuracy_before", before))


def cross_validated_accuracy(
    source: Sequence[npt.NDArray[np.float64]], target: Sequence[npt.NDArray[np.float64]]
) -> float:
    """Mean of both classes' recalls over all slices, each classified when its subject was left out.

    Args:
        source: features (slices, dimensions) of each subject.
        target: same; there are at least two subjects of either.
    """
    folds = min(FOLDS, len(source), len(target))
    hits: tuple[list[npt.NDArray[np.bool_]], ...] = ([], [])
    for fold in range(folds):
        learned = [np.concatenate([f for i, f in enumerate(side) if i % folds != fold]) for side in (source, target)]
        weights, bias = logistic_regression(*learned)
        for is_target, side in enumerate((source, target)):
            for features in side[fold::folds]:
                hits[is_target].append((features @ weights + bias > 0) == bool(is_target))
    return float(np.mean([np.concatenate(h).mean() for h in hits]))


def logistic_regression(
    negatives: npt.NDArray[np.float64], positives: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], float]:
    """Weights and bias of a logistic regression with an L2 penalty of ‖w‖² / 2n on standardized features.

    Both classes weigh the same, however many slices they have.

    Args:
        negatives: (n, dimensions).
        positives: (m, dimensions).
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    features = np.concatenate([negatives, positives])
    sign = np.repeat([-1.0, 1.0], [len(negatives), len(positives)])
    share = np.repeat([0.5 / len(negatives), 0.5 / len(positives)], [len(negatives), len(positives)])
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation[deviation == 0] = 1
    standardized = (features - mean) / deviation
    penalty = 1 / len(features)

    def loss(parameters: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights, bias = parameters[:-1], parameters[-1]
        margin = sign * (standardized @ weights + bias)
        slope = -share * sign * expit(-margin)
        value = share @ np.logaddexp(0, -margin) + 0.5 * penalty * weights @ weights
        return value, np.append(standardized.T @ slope + penalty * weights, slope.sum())

    found = minimize(loss, np.zeros(features.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    weights = found.x[:-1] / deviation
    return weights, float(found.x[-1] - weights @ mean)


def _arrays(features: "Mapping[str, Tensor]") -> list[npt.NDArray[np.float64]]:
    return [f.numpy() for f in features.values()]
