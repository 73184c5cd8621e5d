"""The paper's printed numbers (Tables IV and V), and which of them are suspect."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pandas as pd

from benchmark.reporting.names import IDENTITY
from benchmark.reporting.scope import Pair, is_papers_own
from benchmark.results.scores import REFERENCES, TARGET_ON_TARGET

PED_SUSPECT = (
    "Suspect in the paper: target segmentor on target images reaches only 0.11 Dice (0.06 IoU) for PED, "
    "below every harmonized result."
)
IXI_SUSPECT = (
    "Suspect in the paper: on IXI every baseline harmonization scores below no harmonization at all, in every class, "
    "and no method matches or beats all three reference rows."
)


@dataclass(frozen=True)
class Printed:
    """A number as the paper prints it.

    Attributes:
        value: the number; ``std`` is the paper's standard deviation where it gives one.
        decimals: how many the paper prints.
        suspect: why the number looks wrong, or empty.
    """

    value: float
    std: float | None
    decimals: int
    suspect: str


@cache
def _table(name: str) -> pd.DataFrame:
    with files("benchmark.reporting").joinpath("published", name).open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def printed_fidelity(pair: Pair, method: str, metric: str) -> Printed | None:
    """KID or FID of Table IV; None where the paper has no such number or used other data."""
    if not is_papers_own(pair.dataset):
        return None
    row = _row(_table("table4.csv"), pair, metric=metric.upper(), method=method)
    if row is None:
        return None
    return Printed(float(row["mean"]), float(row["std"]) if row["std"] else None, _decimals(row["mean"]), "")


def printed_overlap(pair: Pair, row: str, label: str, metric: str) -> Printed | None:
    """Dice or IoU of Table V; None where the paper has no such number or used other data.

    Args:
        row: method, or ``source_on_source``, ``target_on_target``.
        metric: ``dice`` or ``iou``.
    """
    if not is_papers_own(pair.dataset):
        return None
    found = _row(_table("table5.csv"), pair, label=label, row=row)
    if found is None:
        return None
    suspect = ""
    if pair.dataset.name == "retouch" and label == "PED" and row == TARGET_ON_TARGET:
        suspect = PED_SUSPECT
    elif pair.dataset.name == "ixi" and row not in (*REFERENCES, IDENTITY):
        suspect = IXI_SUSPECT
    return Printed(float(found[metric]), None, _decimals(found[metric]), suspect)


def _row(table: pd.DataFrame, pair: Pair, **wanted: str) -> pd.Series | None:
    wanted |= {"dataset": pair.dataset.name, "source": pair.source, "target": pair.target}
    found = table
    for column, value in wanted.items():
        found = found[found[column] == value]
    return None if found.empty else found.iloc[0]


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
