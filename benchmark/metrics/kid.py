"""Kernel inception distance in the features of the pair's multitask autoencoder (Section III-D)."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import Field

from benchmark.config.base import Strict
from benchmark.data.sampling import stream
from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

if TYPE_CHECKING:
    from torch import Tensor


def pooled_share(own: pd.DataFrame, in_domain: pd.DataFrame) -> float:
    """Share of the KID gap closed, from the means over folds."""
    after, before = (quantity.rows(own)["value"].mean() for quantity in (KID, BEFORE))
    return float(1 - after / before) if before > 0 else math.nan


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
KID = Quantity("kid", "KID", "", "lower", ANY, REFERENCE, headline=True, shown_in="Table IV", spread=spread)
BEFORE = Quantity("kid_before", "KID of source against target", "", "neither", ANY, REFERENCE, shown_in="nowhere")
STD = Quantity(
    "kid_std", "KID, standard deviation over subsets", "", "neither", (0, math.inf), REFERENCE, shown_in="nowhere"
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
)


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
    by torch-fidelity. The share, 1 - KID / KID before harmonization, does not depend on the autoencoder's scale.
    Subsets as large as the smaller set repeat it, so that their spread understates the uncertainty; a subset as large
    as both is the only one and has no spread.
    """

    name = "kid"
    quantities = (KID, BEFORE, STD, SIZE, CLOSED)
    needs = frozenset({Need.AUTOENCODER})
    option_model = KidOptions

    def not_applicable(self, view: CellView) -> str | None:
        """Why there is no unbiased estimate, or None."""
        fewest = min(view.pair.slice_count("source"), view.pair.slice_count("target"))
        return "the unbiased estimate needs two test slices of each scanner" if fewest < 2 else None

    def compute(self, view: CellView) -> Iterator[Score]:
        """Five rows."""
        pair = view.pair
        counts = pair.slice_count("source"), pair.slice_count("target")
        size = min(self.options.subset_size, *counts)
        single = size == max(counts)
        subsets = 1 if single else self.options.subsets
        seed = int(stream("kid", *pair.identity).integers(2**32))

        def distance(features: "Mapping[str, Tensor]") -> tuple[float, float]:
            return kid(_stacked(features), _stacked(pair.features("target")), subsets, size, seed)

        before, _ = distance(pair.features("source"))
        mean, deviation = distance(view.features)
        yield KID.score(mean)
        yield BEFORE.score(before)
        yield STD.score(math.nan if single else deviation, reason=f"a subset of {size} slices holds all of both sets")
        yield SIZE.score(size)
        reason = f"there is no gap: KID is {before:.3g} before harmonization"
        yield CLOSED.score(1 - mean / before if before > 0 else math.nan, reason=reason)


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


def _stacked(features: "Mapping[str, Tensor]") -> "Tensor":
    import torch

    return torch.cat(list(features.values()))
