"""The tidy table of scores: one number a row, and a reason beside every missing number."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from benchmark.results.status import Status
from benchmark.runtime.checksums import read_verified, write_with_checksum
from benchmark.runtime.errors import DataError, remedy_damaged
from benchmark.runtime.paths import Cell

COLUMNS = (
    "benchmark", "dataset", "source", "target", "fold", "method", "seed",
    "subject", "label", "metric", "value", "unit", "status", "reason",
)  # fmt: skip
KEY = ("benchmark", "dataset", "source", "target", "fold", "method", "seed", "subject", "label", "metric")
ALL = "all"
SOURCE_ON_SOURCE = "source_on_source"
TARGET_ON_TARGET = "target_on_target"
REFERENCES = (SOURCE_ON_SOURCE, TARGET_ON_TARGET)
"""Rows of no method but of the real images of a scanner: its segmentor on its test images, and KID's floor."""
NO_SEED = 0
"""Seed of rows that are of no seeded training."""


@dataclass(frozen=True)
class Score:
    """One number of one cell, or why there is none.

    Attributes:
        subject: test subject, or ``all`` for a score over no single subject.
        label: class, noise level, or empty.
    """

    metric: str
    value: float
    unit: str = ""
    subject: str = ALL
    label: str = ""
    status: Status = "ok"
    reason: str = ""

    def __post_init__(self) -> None:
        if self.status == "ok" and not math.isfinite(self.value):
            raise ValueError(
                f"{self.metric} of {self.subject} is {self.value}; a missing number needs a status and a reason"
            )
        if self.status != "ok" and not self.reason:
            raise ValueError(f"{self.metric} of {self.subject} is {self.status} without a reason")


def missing(
    metric: str,
    status: Literal["failed", "skipped"],
    reason: str,
    *,
    unit: str = "",
    subject: str = ALL,
    label: str = "",
) -> Score:
    """A row for a number that is not there."""
    return Score(metric, math.nan, unit, subject, label, status, reason)


def table(cell: Cell, scores: Iterable[Score]) -> pd.DataFrame:
    """Rows of one cell with all of ``COLUMNS``."""
    where = asdict(cell)
    return pd.DataFrame([{**where, **asdict(s)} for s in scores], columns=list(COLUMNS))


def write(path: Path, frame: pd.DataFrame) -> None:
    """CSV in a fixed order, floats with nine digits, so that equal scores are equal files; its hash stands beside it.

    Raises:
        ValueError: two rows for one number.
    """
    if frame.duplicated(list(KEY)).any():
        twice = frame[frame.duplicated(list(KEY), keep=False)].iloc[0][list(KEY)].to_dict()
        raise ValueError(f"two rows for one number: {twice}")
    write_with_checksum(path, frame.sort_values(list(KEY), kind="stable"))


def read(path: Path, remedy: str | None = None) -> pd.DataFrame:
    """The table as written.

    Args:
        path: of the table; its name ends in ``.gz`` where it is compressed.
        remedy: what to do about a fault, where no rule of the workflow makes the table.

    Raises:
        DataError: missing, cut short or changed since, no table, or wrong columns.
    """
    text = {c: str for c in COLUMNS if c not in ("fold", "seed", "value")}
    packed: Literal["gzip"] | None = "gzip" if path.suffix == ".gz" else None
    content = read_verified(path, remedy)
    try:
        frame = pd.read_csv(content, compression=packed, dtype=text, keep_default_na=False, na_values={"value": [""]})
    except ValueError as error:  # pandas' errors of parsing, and bytes that are no UTF-8 or no number
        raise DataError(path, f"is no table of scores ({error})", remedy or remedy_damaged(path)) from None
    if tuple(frame.columns) != COLUMNS:
        raise DataError(path, f"has the columns {list(frame.columns)}", f"A table of scores has {', '.join(COLUMNS)}")
    return frame


def failures(frame: pd.DataFrame) -> list[str]:
    """One line for each method that failed on a pair, with the first reason."""
    failed = frame[frame["status"] == "failed"]
    first = failed.drop_duplicates(["dataset", "source", "target", "method"])
    return [
        f"{row['method']} failed on {row['dataset']}, {row['source']} to {row['target']}: {row['reason']}"
        for _, row in first.iterrows()
    ]
