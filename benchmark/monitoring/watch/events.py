"""TensorBoard event files of all trainings of a run, from their logs and histories, during the run or after it.

Trainings do not write event files themselves, so their results do not depend on it. Each training has its own folder,
which TensorBoard calls a run.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmark.monitoring.training_log import WHOLE, modified, rows_of, tail
from benchmark.pipeline.jobs import TRAININGS, Job
from benchmark.runtime.errors import DataError, UserError, remedy_damaged

Step = tuple[int, float, Mapping[str, float]]


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
            if job.rule in TRAININGS:
                run = self._folder / job.rule / job.name
                for step, moment, losses in self._rows(job):
                    if step > self._last.get(run, 0):
                        self._write(run, step, moment, losses)
                        self._last[run] = step
        for writer in self._writers.values():
            writer.flush()

    def _rows(self, job: Job) -> Iterator[Step]:
        """Step, UNIX time and losses, from the log (with times, but four digits) and a finished training's history.

        Files that have not changed since the last call are skipped.
        """
        if self._changed(log := job.log(self._benchmark)):
            earlier, rows = rows_of(tail(log, WHOLE))
            yield from ((row.step, row.time, row.losses) for row in (*earlier, *rows) if row.losses)
        if self._changed(history := job.cells[0].history if job.cells else job.makes[0] / "history.csv"):
            yield from _rows_of_history(history)

    def _changed(self, path: Path) -> bool:
        """Whether the file exists and has changed since the last call."""
        now = modified(path)
        before, self._read[path] = self._read.get(path), now
        return now is not None and now != before

    def _write(self, run: Path, step: int, moment: float, losses: Mapping[str, float]) -> None:
        if run not in self._writers:
            self._writers[run] = self._make(str(run))
        for name, loss in losses.items():
            self._writers[run].add_scalar(name, loss, step, wall_time=moment)


def _rows_of_history(path: Path) -> Iterator[Step]:
    try:
        text, moment = path.read_text(encoding="utf-8"), path.stat().st_mtime
    except FileNotFoundError:
        return
    for row in csv.DictReader(text.splitlines()):
        try:
            step, losses = int(row.pop("step")), {name: float(loss) for name, loss in row.items()}
        except (KeyError, TypeError, ValueError) as error:  # no step; too few or too many values; not a number
            raise DataError(path, f"is no training history ({error})", remedy_damaged(path)) from None
        yield step, moment, losses
