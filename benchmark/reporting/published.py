"""The paper's printed numbers (Tables IV and V), with the suspect ones marked."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pandas as pd

from benchmark.metrics.base import Quantity
from benchmark.reporting.scope import Pair, is_papers_own

KEY = ["dataset", "source", "target", "metric", "row", "label"]
SUSPECT = {
    "": "",
    "PED": "Suspect in the paper: target segmentor on target images reaches only 0.11 Dice (0.06 IoU) for PED, below "
    "every harmonized result.",
    "IXI": "Suspect in the paper: on IXI every baseline harmonization scores below no harmonization at all, in every "
    "class, and no method matches or beats all three reference rows.",
}


@dataclass(frozen=True)
class Printed:
    """A number as the paper prints it.

    Attributes:
        std: the paper's standard deviation where it gives one.
        decimals: how many the paper prints.
        suspect: why the number looks wrong, or empty.
    """

    value: float
    std: float | None
    decimals: int
    suspect: str


@cache
def _numbers() -> dict[tuple[str, ...], Printed]:
    with files("benchmark.reporting").joinpath("published", "paper.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype=str, keep_default_na=False).set_index(KEY)
    return {key: _printed(row) for key, row in table.iterrows()}  # type: ignore[misc]


def _printed(row: pd.Series) -> Printed:
    decimals = len(row["value"].partition(".")[2])
    return Printed(float(row["value"]), float(row["std"]) if row["std"] else None, decimals, SUSPECT[row["suspect"]])


def printed(pair: Pair, quantity: Quantity, row: str, label: str) -> Printed | None:
    """The paper's number; None where it has none or used other data.

    Args:
        row: a method, ``source_on_source`` or ``target_on_target``.
    """
    return imitated(pair, quantity.name, row, label) if is_papers_own(pair.dataset) else None


def pairs() -> list[tuple[str, str, str]]:
    """Family of the dataset, source and target of each pair with printed numbers."""
    return list(dict.fromkeys(key[:3] for key in _numbers()))  # type: ignore[misc]


def imitated(pair: Pair, quantity: str, row: str, label: str) -> Printed | None:
    """The paper's number of the pair that this one is or, as a phantom, imitates; None where it has none."""
    return _numbers().get((pair.dataset.family or "", pair.source, pair.target, quantity, row, label))
