"""Fréchet inception distance in the features of the pair's multitask autoencoder (Section III-D)."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

if TYPE_CHECKING:
    from torch import Tensor

# Rounding of the matrix root may take a distance of 0 just below it.
FID = Quantity(
    "fid",
    "FID",
    "",
    "lower",
    (-1e-6, math.inf),
    "Heusel et al. 2017, NeurIPS",
    headline=True,
    shown_in="Table IV",
    position=1,
    across_runs="order",
)


class FrechetInceptionDistance(Metric):
    """FID of harmonized source against target test slices, by torch-fidelity.

    Skipped where the dataset does not ask for it, and where there are no more slices than features: the covariance
    is then singular and the estimate mostly bias (Bińkowski et al. 2018; the paper's reason to skip it).
    """

    name = "fid"
    quantities = (FID,)
    needs = frozenset({Need.AUTOENCODER})

    def not_applicable(self, view: CellView) -> str | None:
        """Why the estimate would be mostly bias, or None."""
        if not view.pair.dataset.fid:
            return "FID is strongly biased on few slices; the paper reports it for IXI only"
        dimensions = next(iter(view.pair.features("target").values())).shape[1]
        fewest = min(view.pair.slice_count("source"), view.pair.slice_count("target"))
        if fewest <= dimensions:
            return f"FID needs more test slices of each scanner than the {dimensions} features; there are {fewest}"
        return None

    def compute(self, view: CellView) -> Iterator[Score]:
        """One row."""
        import torch

        target = torch.cat(list(view.pair.features("target").values()))
        yield FID.score(fid(torch.cat(list(view.features.values())), target))


def fid(features: "Tensor", others: "Tensor") -> float:
    """Squared Wasserstein-2 distance of the Gaussians fitted to both, by torch-fidelity.

    Args:
        features: (n, d), float64.
        others: (m, d), float64.
    """
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    statistics = (fid_features_to_statistics(f) for f in (features, others))
    return fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]
