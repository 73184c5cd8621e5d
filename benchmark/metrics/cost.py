"""What a method costs, from the provenance of its training and harmonization."""

import math
from collections.abc import Iterator
from typing import Literal

from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.view import CellView
from benchmark.results.provenance import read_fit, read_provenance
from benchmark.results.scores import Score

OF_THIS_MACHINE = "measured on the machine that run.json names"


def _cost(name: str, title: str, unit: str, better: Literal["higher", "lower"], reference: str) -> Quantity:
    return Quantity(
        name,
        title,
        unit,
        better,
        (0, math.inf),
        reference,
        headline=True,
        bold="never",  # cheap alone is no merit: the cheapest method does nothing
        shown_in="Table VIII",
        across_runs="nothing" if reference == OF_THIS_MACHINE else "all",
    )


TRAINING = _cost("train_seconds", "Training time", "s", "lower", OF_THIS_MACHINE)
SPEED = _cost("images_per_second", "Slices harmonized a second", "1/s", "higher", OF_THIS_MACHINE)
MEMORY = _cost("peak_memory", "Peak memory of training", "MiB", "lower", OF_THIS_MACHINE)
PARAMETERS = _cost("parameters", "Parameters used to harmonize", "", "lower", "count")


class Cost(Metric):
    """Training time, slices harmonized a second, peak memory, and parameters.

    Times are wall-clock times; compare them within one machine only.
    """

    name = "cost"
    quantities = (TRAINING, SPEED, MEMORY, PARAMETERS)

    def not_applicable(self, view: CellView) -> str | None:
        """Why nothing is known of the cost, or None."""
        return "nothing is known of a training that was not ours" if view.load_method is None else None

    def compute(self, view: CellView) -> Iterator[Score]:
        """Four rows.

        Raises:
            DataError: a record of training or harmonization is missing or damaged.
        """
        fit = read_fit(view.cell)
        harmonization = read_provenance(view.cell.harmonize_run)
        yield TRAINING.score(fit["wall_seconds"])
        seconds = harmonization["wall_seconds"]
        speed = harmonization["slices"] / seconds if seconds else math.nan
        yield SPEED.score(speed, reason="harmonization was done in less than the clock resolves")
        yield MEMORY.score(fit["peak_memory_mib"])
        yield PARAMETERS.score(fit["parameters"])
