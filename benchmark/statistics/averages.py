"""One number for a method on a pair, from its scores over subjects, labels, folds and seeds."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.results.scores import ALL, SOURCE_ON_SOURCE
from benchmark.statistics.agreement import intraclass_correlation
from benchmark.statistics.intervals import Interval, mean_interval, mean_over_labels

FEWEST_FOR_AGREEMENT = 3


@dataclass(frozen=True)
class Average:
    """An average with what is known of its spread.

    Attributes:
        interval: mean with its interval over subjects; without ends where the score is over no single subject.
        by_subject: whether there is a score for each subject.
        seed_std: standard deviation over seeds, NaN for a single one.
    """

    interval: Interval
    by_subject: bool
    seed_std: float


def average(pair: pd.DataFrame, method: str, quantity: str, *identity: object) -> Average | None:
    """The average of one quantity.

    Seeds are averaged first. A score by subject is then averaged over subjects, those of all folds together, for each
    label, and over labels. A score over no single subject is averaged over labels and then over folds, but for those
    that are pooled (``POOLED``).

    Args:
        pair: all scores of one dataset and pair.
        identity: what the average is of; bootstrap resamples are derived from it.

    Returns:
        None where the method has no number of the quantity.
    """
    own = pair[(pair["method"] == method) & (pair["status"] == "ok")]
    rows = own[own["metric"] == quantity]
    if (rows["subject"] != ALL).any():
        by_seed = [float(mean_over_labels(_by_subject(seed).to_numpy())) for _, seed in rows.groupby("seed")]
        interval = mean_interval(_by_subject(rows).to_numpy(), *identity, method, quantity)
        return Average(interval, True, _spread(by_seed))
    if quantity in POOLED:
        # Also where no fold has a number of its own: with one subject each, only all together agree or not.
        reference = pair[(pair["method"] == SOURCE_ON_SOURCE) & (pair["status"] == "ok")]
        by_seed = [POOLED[quantity](seed, reference) for _, seed in own.groupby("seed")]
    else:
        by_seed = [_over_folds(seed) for _, seed in rows.groupby("seed")]
    by_seed = [value for value in by_seed if not math.isnan(value)]
    if not by_seed:
        return None
    return Average(Interval(float(np.mean(by_seed)), math.nan, math.nan, 0), False, _spread(by_seed))


def _by_subject(rows: pd.DataFrame) -> pd.DataFrame:
    """Subjects down, labels across, seeds averaged."""
    return rows.pivot_table(index="subject", columns="label", values="value", aggfunc="mean")


def _over_folds(rows: pd.DataFrame) -> float:
    return float(rows.groupby(["fold", "label"])["value"].mean().groupby("fold").mean().mean())


def _spread(by_seed: list[float]) -> float:
    return float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else math.nan


def pooled_gap(own: pd.DataFrame, reference: pd.DataFrame) -> float:
    """Gap recovered, from Dice of the subjects of all folds together; mean over the labels that have a gap.

    Under leave-one-out a fold has one subject, whose own gap may be next to nothing and its ratio arbitrary.
    """
    tables = [
        _by_subject(rows[rows["metric"] == metric])
        for rows, metric in ((own, "dice"), (own, "dice_cross"), (reference, "dice"))
    ]
    shares = []
    for label in set.intersection(*(set(table.columns) for table in tables)):
        harmonized, cross, in_domain = pd.concat([table[label] for table in tables], axis=1).dropna().mean()
        if in_domain > cross:
            shares.append((harmonized - cross) / (in_domain - cross))
    return float(np.mean(shares)) if shares else math.nan


def pooled_kid_gap(own: pd.DataFrame, reference: pd.DataFrame) -> float:
    """Share of the KID gap closed, from the means over folds."""
    after, before = (own.loc[own["metric"] == metric, "value"].mean() for metric in ("kid", "kid_before"))
    return float(1 - after / before) if before > 0 else math.nan


def pooled_agreement(own: pd.DataFrame, reference: pd.DataFrame) -> float:
    """ICC of volumes before and after, over the subjects of all folds together; mean over labels."""
    before, after = (_by_subject(own[own["metric"] == metric]) for metric in ("volume_before", "volume_after"))
    if len(before) < FEWEST_FOR_AGREEMENT:
        return math.nan
    found = [intraclass_correlation(np.stack([before[c], after[c]], axis=1)) for c in before.columns]
    there = [value for value in found if not math.isnan(value)]
    return float(np.mean(there)) if there else math.nan


POOLED: Mapping[str, Callable[[pd.DataFrame, pd.DataFrame], float]] = {
    "gap_recovered": pooled_gap,
    "kid_gap_closed": pooled_kid_gap,
    "volume_icc": pooled_agreement,
}
"""Ratios and agreements, which are not averaged over folds but taken of all folds together."""
