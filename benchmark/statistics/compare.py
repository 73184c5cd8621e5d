"""The proposed method against every other, subject by subject (Table VII)."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal

import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.metrics.registry import quantities
from benchmark.results.scores import ALL
from benchmark.statistics.aggregate import Aggregate
from benchmark.statistics.intervals import mean_interval
from benchmark.statistics.paired import holm, sign_flip_test, smallest_p

SIGNIFICANT = 0.05
FAMILY = ["dataset", "source", "target", "metric", "label"]
"""Holm's correction is over the methods within one of these."""


@dataclass(frozen=True)
class Comparison:
    """One row of the table: the proposed method against another.

    Attributes:
        subjects: number of subjects with a number of both methods.
        difference: mean over subjects of proposed minus method; low and high are its BCa interval.
        p: of the exact sign-flip test; ``p_holm`` is corrected over the methods.
        smallest_p: the least p that this number of subjects allows.
        significant: empty where no result could be significant; ``note`` then says why.
    """

    dataset: str
    source: str
    target: str
    metric: str
    label: str
    better: str
    method: str
    subjects: int = 0
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    p_holm: float = math.nan
    smallest_p: float = math.nan
    significant: Literal["yes", "no", ""] = ""
    note: str = ""


def compare(scores: Aggregate, config: BenchmarkConfig) -> pd.DataFrame:
    """Paired differences of every headline quantity with numbers by subject, averaged over seeds.

    Returns:
        A row for each dataset, pair, quantity, label and other method; columns are the fields of ``Comparison``.
    """
    headline = {name: q for name, q in quantities().items() if q.headline}
    rows = scores.table
    rows = rows[(rows["subject"] != ALL) & rows["metric"].isin(list(headline)) & (rows["status"] == "ok")]
    found: list[Comparison] = []
    for dataset, source, target, metric, label in sorted(rows[FAMILY].drop_duplicates().itertuples(index=False)):
        quantity = headline[metric]
        values = {
            method: scores.average((dataset, source, target), method, quantity, label).units.reindex(columns=[label])
            for method in config.methods
        }
        family_rows = [
            _compare(
                Comparison(dataset, source, target, metric, label, quantity.better, method),
                pd.concat([values[config.proposed], values[method]], axis=1, join="inner"),
            )
            for method in config.methods
            if method != config.proposed
        ]
        found += _corrected(family_rows)
    return pd.DataFrame([asdict(row) for row in found], columns=[field.name for field in fields(Comparison)])


def _compare(row: Comparison, both: pd.DataFrame) -> Comparison:
    """The row with its numbers.

    Args:
        both: columns proposed and other method, a row for each subject with both.
    """
    if not len(both):
        return replace(row, note="no subject has a number of both methods")
    differences = (both.iloc[:, 0] - both.iloc[:, 1]).to_numpy()
    where = (row.dataset, row.source, row.target, row.metric, row.label, row.method)
    interval = mean_interval(differences[:, None], "compare", *where)
    row = replace(row, subjects=len(both), difference=interval.mean, low=interval.low, high=interval.high)
    if len(both) == 1:
        return replace(row, note="with a single subject there is no interval and no test")
    least = smallest_p(len(both))
    return replace(
        row,
        p=sign_flip_test(differences),
        smallest_p=least,
        note=f"with {len(both)} subjects no p can be under {least:.4g}" if least > SIGNIFICANT else "",
    )


def _corrected(rows: Sequence[Comparison]) -> list[Comparison]:
    """The rows with Holm's p-values over those tested, and verdicts where one is possible."""
    tested = [row for row in rows if not math.isnan(row.p)]
    corrected = dict(zip([row.method for row in tested], holm([row.p for row in tested]), strict=True))
    return [
        replace(
            row,
            p_holm=corrected[row.method],
            significant="" if row.note else "yes" if corrected[row.method] < SIGNIFICANT else "no",
        )
        if row.method in corrected
        else row
        for row in rows
    ]
