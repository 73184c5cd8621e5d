"""What a method costs, from the provenance that training and harmonization left."""

import math
from collections.abc import Iterator

from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.view import CellView
from benchmark.results.provenance import read_provenance
from benchmark.results.scores import Score, missing

OF_THIS_MACHINE = "measured on the machine that run.json names"
TRAINING = Quantity("train_seconds", "Training time", "s", "lower", (0, math.inf), OF_THIS_MACHINE, headline=True)
SPEED = Quantity(
    "images_per_second", "Slices harmonized a second", "1/s", "higher", (0, math.inf), OF_THIS_MACHINE, headline=True
)
MEMORY = Quantity(
    "peak_memory", "Peak memory of training", "MiB", "lower", (0, math.inf), OF_THIS_MACHINE, headline=True
)
PARAMETERS = Quantity("parameters", "Parameters used to harmonize", "", "lower", (0, math.inf), "count", headline=True)


class Cost(Metric):
    """Training time, slices harmonized a second, peak memory, and parameters.

    Times are wall-clock times and compare only within one machine.
    """

    name = "cost"
    quantities = (TRAINING, SPEED, MEMORY, PARAMETERS)

    def not_applicable(self, view: CellView) -> str | None:
        """Reason where somebody else harmonized."""
        return "nothing is known of a training that was not ours" if view.method is None else None

    def compute(self, view: CellView) -> Iterator[Score]:
        """Four rows.

        Raises:
            DataError: a record of training or harmonization is missing or damaged.
        """
        run = read_provenance(view.cell.run, "parameters")
        harmonization = read_provenance(view.cell.harmonize_run, "slices")
        yield Score("train_seconds", run["wall_seconds"], TRAINING.unit)
        if seconds := harmonization["wall_seconds"]:
            yield Score("images_per_second", harmonization["slices"] / seconds, SPEED.unit)
        else:
            reason = "harmonization was done in less than the clock resolves"
            yield missing("images_per_second", "skipped", reason, unit=SPEED.unit)
        yield Score("peak_memory", run["peak_memory_mib"], MEMORY.unit)
        yield Score("parameters", run["parameters"])
