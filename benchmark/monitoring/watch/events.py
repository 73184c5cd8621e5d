"""TensorBoard event files of all trainings of a run, from their logs, during the run or after it.

Trainings do not write event files themselves, so their results do not depend on it. Each training has its own folder,
which TensorBoard calls a run.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmark.monitoring.training_log import WHOLE, Row, modified, rows_of, tail
from benchmark.pipeline.jobs import TRAININGS, Job
from benchmark.runtime.errors import UserError


class EventFiles:
    """Event files below a folder; :meth:`update` adds new steps.

    Raises:
        UserError: tensorboard is not installed, or the folder holds event files already.
    """

    def __init__(self, folder: Path, benchmark: str) -> None:
        try:
            from tensorboard.summary import Writer
        except ImportError:
            raise UserError(
                "--tensorboard", "needs a package that is not installed", "pip install tensorboard"
            ) from None
        if any(folder.rglob("events.out.tfevents.*")):
            fault = "holds event files already, and new ones would repeat their steps"
            raise UserError(folder, fault, "Remove or rename it")
        self._folder, self._benchmark, self._make = folder, benchmark, Writer
        self._writers: dict[Path, Writer] = {}
        self._last: dict[Path, int] = {}
        self._read: dict[Path, float | None] = {}

    def update(self, jobs: Sequence[Job]) -> None:
        """Writes the steps that trainings have done since the last call."""
        for job in jobs:
            log = job.log(self._benchmark)
            if job.rule in TRAININGS and (changed := modified(log)) != self._read.get(log):
                self._read[log] = changed
                earlier, rows = rows_of(tail(log, WHOLE))
                for row in (*earlier, *rows):
                    if row.losses and row.step > self._last.get(log, 0):
                        self._write(self._folder / job.rule / job.name, row)
                        self._last[log] = row.step
        for writer in self._writers.values():
            writer.flush()

    def _write(self, run: Path, row: Row) -> None:
        if run not in self._writers:
            self._writers[run] = self._make(str(run))
        for name, loss in row.losses.items():
            self._writers[run].add_scalar(name, loss, row.step, wall_time=row.time)
