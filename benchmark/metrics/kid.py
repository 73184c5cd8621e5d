"""Kernel inception distance in the features of the pair's multitask autoencoder (Section III-D)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from benchmark.config.base import Strict
from benchmark.data.sampling import stream
from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need
from benchmark.metrics.view import CellView, PairView
from benchmark.results.real_images import Side
from benchmark.results.scores import TARGET_ON_TARGET, Score

if TYPE_CHECKING:
    from torch import Tensor

CONFIDENCE = 0.95
NO_HALVES = "two halves take two subjects of the target"


def share_closed(after: float, before: float, floor: float) -> float:
    """1 - after / before, which has no scale; NaN where there is no gap: before is not above 0 and the floor.

    The floor is no part of the ratio: it is estimated from halves of few subjects, and the unbiased KID of images that
    cannot be told apart is 0. NaN is no floor.
    """
    return 1 - after / before if before > np.fmax(floor, 0) else math.nan


def unfit(before: float, floor: float) -> float:
    """1 where the source is no farther from the target than halves of the target from each other, else 0.

    NaN without a floor.
    """
    return math.nan if math.isnan(floor) else float(before <= floor)


def pooled_share(own: pd.DataFrame, references: pd.DataFrame) -> float:
    """Share of the KID gap closed, from the means over folds."""
    return share_closed(float(KID.rows(own)["value"].mean()), *_before_and_floor(own, references))


def pooled_unfit(own: pd.DataFrame, references: pd.DataFrame) -> float:
    """The mark, from the means over folds."""
    return unfit(*_before_and_floor(own, references))


def _before_and_floor(own: pd.DataFrame, references: pd.DataFrame) -> tuple[float, float]:
    floors = KID.rows(references[references["method"] == TARGET_ON_TARGET])
    return float(BEFORE.rows(own)["value"].mean()), float(floors["value"].mean())


def interval(own: pd.DataFrame) -> tuple[float, float]:
    """95 % interval of the mean over folds: from the margins of all folds, or between folds where those have none.

    Without margins a fold tests one subject of each scanner, so that to leave out a subject is to leave out its fold.
    NaN for a single such fold, and for the floor, whose folds may share subjects.
    """
    from scipy.stats import t

    if own["method"].eq(TARGET_ON_TARGET).any():
        return math.nan, math.nan
    folds, margins = (quantity.by("fold", own).to_numpy().ravel() for quantity in (KID, MARGIN))
    count = len(folds)
    if count and len(margins) == count:
        margin = math.sqrt((margins**2).sum()) / count
    elif count > 1:
        margin = float(t.isf((1 - CONFIDENCE) / 2, count - 1) * folds.std(ddof=1)) / math.sqrt(count)
    else:
        return math.nan, math.nan
    return folds.mean() - margin, folds.mean() + margin


def spread(own: pd.DataFrame) -> float:
    """Standard deviation over all subsets of all folds and seeds: within each fold and seed, and between their means.

    NaN where there are neither subsets nor several means.
    """
    within, means = (quantity.rows(own)["value"].to_numpy(float) for quantity in (STD, KID))
    if not len(within):
        return math.sqrt(means.var()) if len(means) > 1 else math.nan
    return math.sqrt((within**2).mean() + means.var())


REFERENCE = "Bińkowski et al. 2018, ICLR"
ANY = (-math.inf, math.inf)
KID = Quantity(
    "kid",
    "KID",
    "",
    "lower",
    ANY,
    REFERENCE,
    headline=True,
    shown_in="Table IV",
    interval=interval,
    spread=spread,
    across_runs="order",
)
BEFORE = Quantity("kid_before", "KID of source against target", "", "neither", ANY, REFERENCE, shown_in="nowhere")
STD = Quantity(
    "kid_std", "KID, standard deviation over subsets", "", "neither", (0, math.inf), REFERENCE, shown_in="nowhere"
)
MARGIN = Quantity(
    "kid_margin",
    "KID, half of its 95 % interval over subjects",
    "",
    "neither",
    (0, math.inf),
    "Arvesen 1969, Ann. Math. Stat.",
    shown_in="nowhere",
)
SIZE = Quantity(
    "kid_subset_size",
    "Slices in a subset of KID",
    "slices",
    "neither",
    (2, math.inf),
    REFERENCE,
    shown_in="remarks of Table IV",
)
CLOSED = Quantity(
    "kid_gap_closed",
    "Share of the KID gap closed",
    "",
    "higher",
    ANY,
    REFERENCE,
    headline=True,
    shown_in="Table IV",
    position=2,
    pool=pooled_share,
    pooled_from=KID,
)
UNFIT = Quantity(
    "kid_unfit",
    "KID of source against target does not exceed its floor",
    "",
    "neither",
    (0, 1),
    "this benchmark",
    shown_in="unfit pairs",
    pool=pooled_unfit,
    pooled_from=BEFORE,
)


@dataclass(frozen=True)
class Distance:
    """KID of two sets of subjects.

    Attributes:
        mean: NaN where there is no second set.
        deviation: standard deviation over subsets; NaN for a single one.
        size: slices in a subset.
    """

    mean: float
    deviation: float
    size: int

    def rows(self) -> Iterator[Score]:
        """Mean and deviation."""
        yield KID.score(self.mean, reason=NO_HALVES)
        single = f"a subset of {self.size} slices holds all of both sets"
        yield STD.score(self.deviation, reason=NO_HALVES if math.isnan(self.mean) else single)


class KidOptions(Strict):
    """The subsets over which KID is averaged."""

    # The error of the mean falls with the root of their number: with 10,000 it is 1 % of the spread.
    subsets: int = Field(100, ge=2, le=10_000, description="subsets, each drawn without replacement")
    # The kernel is a square matrix: 800 MB at 10,000.
    subset_size: int = Field(
        50, ge=2, le=10_000, description="slices in a subset; at most as many as the smaller set has"
    )


class KernelInceptionDistance(Metric):
    """KID of harmonized source against target test slices, and the share of the gap that it closes.

    Polynomial kernel (⟨x, y⟩ / d + 1)³, unbiased MMD² (may fall below 0), mean and standard deviation over subsets,
    by torch-fidelity. Subsets as large as the smaller set repeat it, so that their spread understates the uncertainty;
    a subset as large as both is the only one and has no spread. The interval is over subjects, each of which is left
    out once (jackknife), because slices of one subject resemble each other.

    The floor, ``kid`` of ``target_on_target``, is the KID between two halves of the target's subjects: what subjects
    alone do. They are test subjects, or training subjects where fewer than two are tested; the autoencoder knows those,
    so that such a floor is rather too low. Where the KID of source against target does not exceed the floor, the
    autoencoder does not see the scanner: the pair is marked as unfit (``kid_unfit``), and no share is given. The share,
    1 - KID / KID before harmonization, does not depend on the autoencoder's scale.
    """

    name = "kid"
    quantities = (KID, BEFORE, STD, MARGIN, SIZE, CLOSED, UNFIT)
    needs = frozenset({Need.AUTOENCODER})
    option_model = KidOptions

    def not_applicable(self, view: CellView) -> str | None:
        """Why there is no unbiased estimate, or None."""
        fewest = min(view.pair.slice_count("source"), view.pair.slice_count("target"))
        return "the unbiased estimate needs two test slices of each scanner" if fewest < 2 else None

    def compute(self, view: CellView) -> Iterator[Score]:
        """Seven rows."""
        pair = view.pair
        target = list(pair.features("target").values())
        harmonized = list(view.features.values())
        before = self._distance(pair, list(pair.features("source").values()), target).mean
        floor, after = self._floor(pair).mean, self._distance(pair, harmonized, target)
        yield from after.rows()
        yield BEFORE.score(before)
        yield MARGIN.score(
            margin(harmonized, target), reason="to leave one out takes two test subjects of each scanner"
        )
        yield SIZE.score(after.size)
        reason = f"there is no gap: KID is {before:.3g} before harmonization, and its floor {floor:.3g}"
        yield CLOSED.score(share_closed(after.mean, before, floor), reason=reason)
        yield UNFIT.score(unfit(before, floor), reason=NO_HALVES)

    def of_real_images(self, view: PairView, side: Side) -> Iterator[Score]:
        """The floor, of the target."""
        if side == "target":
            yield from self._floor(view).rows()

    def _floor(self, pair: PairView) -> "Distance":
        one, other = pair.target_halves()
        return self._distance(pair, one, other) if other else Distance(math.nan, math.nan, 0)

    def _distance(self, pair: PairView, features: "Sequence[Tensor]", others: "Sequence[Tensor]") -> "Distance":
        import torch

        counts = [sum(map(len, subjects)) for subjects in (features, others)]
        size = min(self.options.subset_size, *counts)
        single = size == max(counts)
        subsets = 1 if single else self.options.subsets
        seed = int(stream("kid", *pair.identity).integers(2**32))
        mean, deviation = kid(torch.cat(list(features)), torch.cat(list(others)), subsets, size, seed)
        return Distance(mean, math.nan if single else deviation, size)


def kid(features: "Tensor", others: "Tensor", subsets: int, subset_size: int, seed: int) -> tuple[float, float]:
    """Mean and standard deviation of the unbiased MMD² over subsets, by torch-fidelity.

    Args:
        features: (n, d), float64.
        others: (m, d), float64.
        subset_size: at most n and m.
    """
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    found = kid_features_to_metric(
        features, others, kid_subsets=subsets, kid_subset_size=subset_size, rng_seed=seed, verbose=False
    )
    return found[KEY_METRIC_KID_MEAN], found[KEY_METRIC_KID_STD]


def margin(features: "Sequence[Tensor]", others: "Sequence[Tensor]") -> float:
    """Half of the 95 % interval of the unbiased MMD² over subjects; NaN for fewer than two of either set.

    The jackknife of two independent samples (Arvesen 1969): each subject of either set is left out once. It takes all
    slices, since the mean over subsets estimates the same. Student's t has the degrees of freedom of the smaller set.

    Args:
        features: (slices, d) of each subject, float64.
        others: the same of the other set.
    """
    from scipy.stats import t

    first, fewest = len(features), min(len(features), len(others))
    if fewest < 2:
        return math.nan
    subjects = [subject.numpy() for subject in (*features, *others)]
    sums, counts = kernel_sums(subjects), np.array([len(subject) for subject in subjects])
    everyone = np.arange(len(subjects))
    without = [mmd2(sums, counts, everyone < first, everyone != subject) for subject in everyone]
    variance = sum((len(part) - 1) * np.var(part) for part in (without[:first], without[first:]))
    return float(t.isf((1 - CONFIDENCE) / 2, fewest - 1)) * math.sqrt(variance)


def kernel_sums(subjects: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Sums of KID's kernel over the slices of every two subjects; no slice is compared with itself.

    Args:
        subjects: features (slices, d) of each.

    Returns:
        (subjects, subjects).
    """
    slices, starts = np.concatenate(subjects), np.cumsum([0, *map(len, subjects[:-1])])

    def summed(products: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.add.reduceat((products / slices.shape[1] + 1) ** 3, starts, axis=-1)

    between = np.stack([summed(subject @ slices.T).sum(axis=0) for subject in subjects])
    return between - np.diag(summed((slices**2).sum(axis=1)))


def mmd2(
    sums: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    is_first: npt.NDArray[np.bool_],
    kept: npt.NDArray[np.bool_],
) -> float:
    """Unbiased MMD² of two sets of subjects.

    Args:
        sums: what :func:`kernel_sums` gives, (subjects, subjects).
        counts: slices of each subject.
        is_first: which subjects are of the first set.
        kept: which subjects count.
    """
    one, other = kept & is_first, kept & ~is_first
    n, m = counts[one].sum(), counts[other].sum()
    within = sums[np.ix_(one, one)].sum() / (n * (n - 1)) + sums[np.ix_(other, other)].sum() / (m * (m - 1))
    return float(within - 2 * sums[np.ix_(one, other)].sum() / (n * m))
