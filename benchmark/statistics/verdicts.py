"""Verdicts on claims of the form "these methods are better, or worse, than those" on one pair (Table IX)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.claims import Claim
from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import judges_of
from benchmark.statistics.aggregate import Aggregate, Average, Pair
from benchmark.statistics.compare import SIGNIFICANT, Difference, differ, significant
from benchmark.statistics.intervals import CONFIDENCE, Interval

Answer = Literal["supported", "contradicted", "undecided", "not tested"]


@dataclass(frozen=True)
class Count:
    """Trainings of one method that have a property, of all."""

    found: int
    total: int

    @property
    def share(self) -> float:
        return self.found / self.total if self.total else math.nan

    @property
    def interval(self) -> Interval:
        """The exact 95 % interval of the share (Clopper & Pearson 1934); without ends where there is no training."""
        from scipy.stats import binomtest

        if not self.total:
            return Interval(math.nan, math.nan, math.nan)
        ends = binomtest(self.found, self.total).proportion_ci(CONFIDENCE, method="exact")
        return Interval(self.share, float(ends.low), float(ends.high))


@dataclass(frozen=True)
class Compared:
    """One method of a claim against one that it is compared with.

    Attributes:
        difference: method minus other.
        counts: of both, where trainings are compared.
        absent: why a method has no number, by its title.
    """

    method: str
    other: str
    label: str
    difference: Difference
    counts: tuple[Count, Count] | None = None
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What the scores of one pair say of a claim.

    Attributes:
        label: the class; empty where the claim is not about single ones.
        shown: the comparison that decides, of several the one least in favour of the claim; None without any number.
    """

    label: str
    answer: Answer
    why: str
    shown: Compared | None


def verdicts(
    claim: Claim, quantity: Quantity, scores: Aggregate, dataset: DatasetConfig, pair: Pair, config: BenchmarkConfig
) -> list[Verdict]:
    """The verdicts on a claim: one, or one for each class.

    Args:
        quantity: the claim's.
    """
    labels = sorted(dataset.labels, key=dataset.labels.__getitem__) if claim.each_class else [None]
    if reason := _not_tested(claim, quantity, scores, pair, config):
        return [Verdict(label or "", "not tested", reason, None) for label in labels]
    return [_verdict(claim, quantity, _compared(claim, quantity, scores, dataset, pair, config, x), x) for x in labels]


def _not_tested(claim: Claim, quantity: Quantity, scores: Aggregate, pair: Pair, config: BenchmarkConfig) -> str | None:
    """Why nothing can be compared on the pair, or None."""
    if claim.start and claim.start != config.training.start:
        return f"trainings start from {config.training.start}, the claim's from {claim.start}"
    if pair not in scores.pairs or quantity.name not in set(scores.pairs[pair]["metric"]):
        return f"{quantity.title} was not scored"
    unfit = [each.reason for each in scores.unfit(pair, config) if judges_of(each.quantity) & judges_of(quantity)]
    return f"unfit: {'; '.join(unfit)}" if unfit else None


def _compared(
    claim: Claim,
    quantity: Quantity,
    scores: Aggregate,
    dataset: DatasetConfig,
    pair: Pair,
    config: BenchmarkConfig,
    label: str | None,
) -> list[Compared]:
    """Every comparison of a claim, but of methods that cannot be run on such labels."""

    def applies(method: str) -> bool:
        card = config.cards.get(method)
        return not (card and card.not_applicable.get(dataset.label_kind))

    names = [method for method in (*claim.methods, *claim.than) if applies(method)]
    pairs = [(one, other) for one, other in product(claim.methods, claim.than) if {one, other} <= set(names)]
    if claim.unit == "training":
        counts = {name: counted_trainings(scores.trainings(pair, name, quantity)) for name in names}
        return [_of_trainings(*each, counts, len(pairs)) for each in pairs]
    rows = quantity.rows(scores.pairs[pair])
    labels = [label] if label else sorted(set(rows["label"]) - {*claim.without, ""}, key=_order) or [""]
    found = []
    for each in labels:
        averages = {name: scores.average(pair, name, quantity, each) for name in names}
        found += [_of_subjects(one, other, each, averages, config) for one, other in pairs]
    return found


def _order(label: str) -> tuple[float, str]:
    """Noise levels by size, other labels by name."""
    try:
        return float(label), ""
    except ValueError:
        return math.inf, label


def _of_subjects(
    one: str, other: str, label: str, averages: Mapping[str, Average], config: BenchmarkConfig
) -> Compared:
    absent = {}
    for name in (one, other):
        card = config.cards.get(name)
        if not averages[name].there:
            absent[card.title if card else name] = (
                "; ".join(averages[name].reasons) if card else "not in this benchmark"
            )
    return Compared(one, other, label, differ(averages, config, one, other), absent=absent)


def _reasons(untested: list[Compared]) -> str:
    """Why comparisons were not tested; each reason once."""
    notes = dict.fromkeys(each.difference.note for each in untested if not each.absent)
    absent: dict[str, dict[str, None]] = {}
    for each in untested:
        for title, reason in each.absent.items():
            absent.setdefault(reason, {})[title] = None
    return "; ".join([*notes, *(f"{', '.join(titles)}: {reason}" for reason, titles in absent.items())])


def counted_trainings(trainings: pd.Series) -> Count:
    """Trainings for most of whose subjects the score is 1."""
    return Count(int((trainings > 0.5).sum()), len(trainings))


def _of_trainings(one: str, other: str, counts: dict[str, Count], family: int) -> Compared:
    """Shares of trainings, by Fisher's exact test.

    Args:
        family: number of comparisons that p is corrected for.
    """
    own, theirs = counts[one], counts[other]
    ends = own.interval, theirs.interval
    interval = Interval(own.share - theirs.share, ends[0].low - ends[1].high, ends[0].high - ends[1].low)
    note, p = "", math.nan
    if not (own.total and theirs.total):
        note = f"no training of {one if not own.total else other} has a score"
    elif (attainable := family * _fisher(Count(0, own.total), Count(theirs.total, theirs.total))) >= SIGNIFICANT:
        note = f"{own.total} and {theirs.total} trainings: p is at least {min(attainable, 1):.2g}"
    else:
        p = _fisher(own, theirs)
    return Compared(one, other, "", Difference(own.total, interval, p, note), (own, theirs))


def _fisher(one: Count, other: Count) -> float:
    from scipy.stats import fisher_exact

    return float(fisher_exact([[each.found, each.total - each.found] for each in (one, other)]).pvalue)


def favour(claim: Claim, quantity: Quantity, difference: float) -> float:
    """A difference of method minus other, turned to be above 0 where it is as claimed."""
    better = quantity.shortfall(0) - quantity.shortfall(difference)
    return better if claim.claimed == "better" else -better


def _verdict(claim: Claim, quantity: Quantity, found: list[Compared], label: str | None) -> Verdict:
    told = significant([each.difference for each in found])

    def for_it(each: Compared) -> float:
        return favour(claim, quantity, each.difference.interval.mean)

    against = [each for each, yes in zip(found, told, strict=True) if yes and for_it(each) < 0]
    untested = [each for each in found if each.difference.note]
    undecided = [each for each, yes in zip(found, told, strict=True) if not yes]
    numbers = f"{sum(told)} of {len(found)} significant"
    answer: Answer
    if against:
        answer, why, shown = "contradicted", f"{len(against)} of {len(found)} significant the other way", against
    elif untested or not found:
        why = _reasons(untested) or "its methods cannot be run on such labels"
        answer, shown = "not tested", found
    elif undecided:
        answer, why, shown = "undecided", numbers, undecided
    else:
        answer, why, shown = "supported", numbers, found
    shown = [each for each in shown if not math.isnan(each.difference.interval.mean)]
    return Verdict(label or "", answer, why, min(shown, key=for_it, default=None))
