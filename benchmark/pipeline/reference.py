"""Compares a regenerated leaderboard with the published reference, number by number."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import Field, model_validator

from benchmark.config.base import Strict
from benchmark.config.load import check, read_yaml
from benchmark.results import scores
from benchmark.runtime.errors import DataError

FILE = "tolerance.yaml"
CELL = ["dataset", "source", "target", "fold", "method", "seed"]
PUBLISHED = "Restore it with git, or publish the scores again (hbench leaderboard publish)"


class Tolerance(Strict):
    """A number agrees if ``|new - old| <= absolute``, or if neither is over ``factor`` times the other."""

    absolute: float = Field(ge=0)
    factor: float = Field(1.0, ge=1, description="for numbers of uncertain magnitude")

    def fault(self, old: float, new: float) -> str:
        """Why two numbers do not agree; empty if they do."""
        distance = abs(new - old)
        if distance <= self.absolute or (old * new > 0 and max(old / new, new / old) <= self.factor):
            return ""
        times = f" or by a factor of {self.factor:g}" if self.factor > 1 else ""
        return f"moved by {distance:.3g}, allowed {self.absolute:.3g}{times}"


class OtherOutcomes(Strict):
    """Trainings with two possible outcomes, between which rounding can decide."""

    metric: str = Field(description="differs in a subject if the outcome differs")
    at_most: int = Field(ge=0, description="trainings of the methods in ``methods`` that may have another outcome")
    metrics: tuple[str, ...] = Field(description="depend on the outcome: not compared for such a training")


class Tolerances(Strict):
    """``reference/<benchmark>/tolerance.yaml``: a tolerance for each metric."""

    metrics: dict[str, Tolerance]
    methods: dict[str, dict[str, Tolerance]] = Field(
        default_factory=dict, description="method to metrics with a tolerance of its own"
    )
    not_compared: dict[str, str] = Field(default_factory=dict, description="metric to the reason")
    not_compared_in: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="scanner pair such as SA-SV to metrics that mean nothing there, with the reason",
    )
    other_outcomes: OtherOutcomes | None = Field(None, description="a few trainings may have another outcome")

    @model_validator(mode="after")
    def _one_place_each(self) -> "Tolerances":
        if both := sorted(set(self.metrics) & set(self.not_compared)):
            raise ValueError(f"{', '.join(both)} is both in metrics and in not_compared")
        if unknown := sorted({m for own in self.methods.values() for m in own} - set(self.metrics)):
            raise ValueError(f"methods names {', '.join(unknown)}, which is not in metrics")
        may = self.other_outcomes
        for metric in (may.metric, *may.metrics) if may else ():
            if metric not in self.metrics:
                raise ValueError(f"other_outcomes names {metric}, which is not in metrics")
        return self


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Attributes:
        compared: how many numbers were compared.
        same: how many are the same to the last digit.
        differences: rows that moved, appeared or vanished.
        otherwise: trainings with another outcome, whose dependent numbers were not compared.
    """

    compared: int
    same: int
    differences: pd.DataFrame
    otherwise: pd.DataFrame


def compare(new: Path, reference: Path) -> Comparison:
    """Compares two score tables under the reference folder's tolerances.

    Args:
        new: score table of this run.
        reference: folder with ``scores.csv`` and ``tolerance.yaml``.

    Raises:
        DataError: there is no reference or nothing to compare, a metric has no tolerance, or a method with tolerances
            is not in the reference.
    """
    if not (reference / FILE).is_file():
        remedy = "Publish scores (hbench leaderboard publish) and write this file beside them"
        raise DataError(reference / FILE, "is missing, so nothing can be compared", remedy)
    tolerances = check(Tolerances, read_yaml(reference / FILE), reference / FILE)
    old, now = scores.read(reference / "scores.csv", PUBLISHED), scores.read(new)
    named = set(tolerances.metrics) | set(tolerances.not_compared)
    if unknown := (set(old["metric"]) | set(now["metric"])) - named:
        raise DataError(reference / FILE, f"has no tolerance for {', '.join(sorted(unknown))}", "Add one")
    if unknown := set(tolerances.methods) - set(old["method"]):
        raise DataError(reference / FILE, f"names the unknown method {', '.join(sorted(unknown))}", "Correct the name")
    both = old.merge(now, on=list(scores.KEY), how="outer", suffixes=("_reference", "_now"), indicator=True)
    both = both[~both["metric"].isin(list(tolerances.not_compared))]
    if both.empty:
        raise DataError(reference, "leaves no number to compare", "Remove metrics from not_compared")
    otherwise = _otherwise(both, tolerances)
    ended = pd.MultiIndex.from_frame(both[CELL]).isin(pd.MultiIndex.from_frame(otherwise))
    may = tolerances.other_outcomes
    follows = both["metric"].isin([may.metric, *may.metrics] if may else [])
    # Presence and status of rows are always compared.
    same_rows = (both["_merge"] == "both") & (both["status_reference"] == both["status_now"])
    pair = both["source"] + "-" + both["target"]
    there = pd.Series(
        [m in tolerances.not_compared_in.get(p, ()) for p, m in zip(pair, both["metric"], strict=True)], both.index
    )
    numbers = both[~(same_rows & (ended & follows | there))]
    moved = numbers.apply(lambda row: _fault(row, tolerances), axis=1)
    differences = numbers.assign(fault=moved)[moved != ""]
    columns = [*scores.KEY, "value_reference", "value_now", "fault"]
    equal = (numbers["value_reference"] == numbers["value_now"]) | (
        (numbers["_merge"] == "both") & numbers["value_reference"].isna() & numbers["value_now"].isna()
    )
    return Comparison(len(numbers), int((equal & (moved == "")).sum()), differences[columns], otherwise)


def _otherwise(both: pd.DataFrame, tolerances: Tolerances) -> pd.DataFrame:
    """Trainings with another outcome; none if there are more than allowed."""
    may = tolerances.other_outcomes
    if may is None:
        return both[CELL].head(0)
    telling = both[(both["metric"] == may.metric) & both["method"].isin(list(tolerances.methods))]
    telling = telling[(telling["status_reference"] == "ok") & (telling["status_now"] == "ok")]
    found = telling[telling["value_reference"] != telling["value_now"]][CELL].drop_duplicates()
    return found if len(found) <= may.at_most else found.head(0)


def _fault(row: pd.Series, tolerances: Tolerances) -> str:
    if row["_merge"] == "left_only":
        return "vanished"
    if row["_merge"] == "right_only":
        return "is new"
    if row["status_reference"] != row["status_now"]:
        return f"status {row['status_reference']} became {row['status_now']}"
    if row["status_now"] != "ok":
        return ""
    of_method = tolerances.methods.get(row["method"], {})
    allowed = of_method.get(row["metric"], tolerances.metrics[row["metric"]])
    return allowed.fault(row["value_reference"], row["value_now"])
