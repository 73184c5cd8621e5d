"""Whether a classifier can still tell the scanners apart."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

if TYPE_CHECKING:
    from torch import Tensor

FEWEST_SUBJECTS = 2
FOLDS = 5
REFERENCE = "Brodersen et al. 2010, ICPR"
ACCURACY = Quantity(
    "scanner_accuracy",
    "Scanner classification, balanced accuracy",
    "",
    "nearer",
    (0, 1),
    REFERENCE,
    aim=0.5,
    headline=True,
)
BEFORE = Quantity(
    "scanner_accuracy_before", "Scanner classification before harmonization", "", "neither", (0, 1), REFERENCE
)
GUESSED = Quantity(
    "scanner_accuracy_guessed",
    "Scanner classification by guessing, 97.5th percentile",
    "",
    "neither",
    (0.5, 1),
    "binomial distribution",
)


class ScannerClassification(Metric):
    """Balanced accuracy of a classifier of harmonized source against target test slices, and the same before.

    0.5 is ideal: the scanners cannot be told apart; a classifier that is always wrong tells them apart, too. One that
    guesses for each subject, right for all of its slices or for none, reaches between 1 - ``scanner_accuracy_guessed``
    and that number in 95 of 100 cases. The classifier is a logistic regression on features of the pair's autoencoder,
    cross-validated by subject: with slices of one subject on both sides of a split it would recognize the person.
    """

    name = "scanner"
    quantities = (ACCURACY, BEFORE, GUESSED)
    needs = frozenset({Need.AUTOENCODER})

    def not_applicable(self, view: CellView) -> str | None:
        """Why subjects cannot be split, or None."""
        fewest = min(len(view.pair.subjects("source")), len(view.pair.subjects("target")))
        if fewest < FEWEST_SUBJECTS:
            return f"a split by subject needs {FEWEST_SUBJECTS} test subjects of each scanner; there is {fewest}"
        return None

    def compute(self, view: CellView) -> Iterator[Score]:
        """Three rows."""
        target = _arrays(view.pair.features("target"))
        before = _arrays(view.pair.features("source"))
        yield ACCURACY.score(cross_validated_accuracy(_arrays(view.features), target))
        yield BEFORE.score(cross_validated_accuracy(before, target))
        yield GUESSED.score(guessed_accuracy(len(before), len(target)))


def guessed_accuracy(source: int, target: int) -> float:
    """97.5th percentile of the balanced accuracy of fair guesses; the distribution is symmetric about 0.5.

    Args:
        source: number of its subjects.
        target: same.
    """
    from scipy.stats import binom

    counts = [np.arange(n + 1) for n in (source, target)]
    accuracy = np.add.outer(*(count / count[-1] for count in counts)) / 2
    chance = np.multiply.outer(*(binom.pmf(count, count[-1], 0.5) for count in counts))
    return float(np.quantile(accuracy, 0.975, weights=chance, method="inverted_cdf"))


def cross_validated_accuracy(
    source: Sequence[npt.NDArray[np.float64]], target: Sequence[npt.NDArray[np.float64]]
) -> float:
    """Balanced accuracy over all slices, each classified by a regression fitted without its subject.

    The regression has an L2 penalty (C = 1) on standardized features; both scanners weigh the same.

    Args:
        source: features (slices, dimensions) of each subject.
        target: same; at least two subjects of either.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import PredefinedSplit, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = min(FOLDS, len(source), len(target))
    scanner = np.repeat([0, 1], [sum(map(len, source)), sum(map(len, target))])
    # In turn within each scanner, so that every fold has both; GroupKFold balances sizes alone.
    fold = np.concatenate([np.full(len(f), i % folds) for side in (source, target) for i, f in enumerate(side)])
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", tol=1e-8, max_iter=1000))
    predicted = cross_val_predict(model, np.concatenate([*source, *target]), scanner, cv=PredefinedSplit(fold))
    return float(balanced_accuracy_score(scanner, predicted))


def _arrays(features: "Mapping[str, Tensor]") -> list[npt.NDArray[np.float64]]:
    return [f.numpy() for f in features.values()]
