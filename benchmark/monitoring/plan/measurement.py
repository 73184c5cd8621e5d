"""Measurements of jobs, and those of a finished run: from Snakemake's records, the ends of logs, and file sizes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveFloat

from benchmark.config.base import Strict
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.monitoring.plan.dataset_size import DatasetSize, dataset_size
from benchmark.monitoring.plan.work import amount, bulk, network_width, unit
from benchmark.monitoring.training_log import WHOLE, rows_of, tail
from benchmark.pipeline.jobs import OF_CELL, TRAININGS, Job, jobs_of
from benchmark.reporting.timings import read_times, start_up
from benchmark.runtime import paths
from benchmark.runtime.errors import UserError


class Measurement(Strict):
    """What one job took.

    Attributes:
        method: of a job of one cell, else empty.
        start_up: seconds until the work began.
        work: seconds of work.
        amount: units of work.
        unit: size of a unit.
        width: of the networks; 1 without.
        memory: peak, MiB.
        size: bytes of the job's files.
        bulk: what this size is proportional to.
    """

    rule: str
    dataset: str
    method: str
    start_up: NonNegativeFloat
    work: NonNegativeFloat
    amount: NonNegativeFloat
    unit: PositiveFloat
    width: PositiveFloat
    memory: NonNegativeFloat
    size: NonNegativeFloat
    bulk: NonNegativeFloat


def method_of(job: Job) -> str:
    """The method of a job of one cell, or an empty string."""
    return job.cells[0].method if job.rule in OF_CELL else ""


def measurement(
    config: BenchmarkConfig,
    job: Job,
    sizes: Mapping[str, DatasetSize],
    *,
    seconds: tuple[float, float],
    memory: float,
    size: float,
) -> Measurement:
    """The measurement of a job: ``seconds`` of start-up and of work, peak memory in MiB, and bytes of its files."""
    return Measurement(
        rule=job.rule,
        dataset=job.dataset,
        method=method_of(job),
        start_up=seconds[0],
        work=seconds[1],
        amount=amount(config, job, sizes),
        unit=unit(config, job, sizes),
        width=network_width(config, job),
        memory=memory,
        size=size,
        bulk=bulk(config, job, sizes),
    )


def divide_training(log: Path, start_up: float, work: float) -> tuple[float, float]:
    """Divides the time of a training into that of its steps, by the times in its log, and the rest.

    For a training that continued from a checkpoint, the time of all its steps is extrapolated from those it did. The
    first step is slow and does not count for the speed.

    Returns:
        Seconds outside the steps, and seconds of the steps.
    """
    _, rows = rows_of(tail(log, WHOLE))
    # If the log tells no speed, all work counts as steps: nearly right for a long training, too much for a short one.
    if len(rows) < 3 or rows[-1].time <= rows[1].time:  # the first row is the beginning
        return start_up, work
    begun, first, last = rows[0], rows[1], rows[-1]
    each = (last.time - first.time) / (last.step - first.step)
    own = each * (last.step - begun.step)
    return (start_up + work - own, each * last.steps) if own <= work else (start_up, work)


def read_run(config: BenchmarkConfig) -> list[Measurement]:
    """Measurements of all jobs of a finished run. A job with missing or damaged times is left out.

    Raises:
        DataError: an inventory is damaged.
        UserError: no job has times.
    """
    sizes = {name: dataset_size(name) for name in config.datasets}
    jobs = jobs_of(config, {name: list(size.subjects) for name, size in sizes.items()})
    found = [m for job in jobs if (m := _read(config, job, sizes))]
    if not found:
        raise UserError(
            paths.LOGS / config.benchmark / "benchmarks",
            "holds no times of a run",
            "Run it first, or measure with --measure",
        )
    return found


def _read(config: BenchmarkConfig, job: Job, sizes: Mapping[str, DatasetSize]) -> Measurement | None:
    times = read_times(job.times(config.benchmark))
    if times is None:
        return None
    total, memory = times
    beginning = start_up(paths.LOGS / config.benchmark, job.rule, job.name)
    seconds = (beginning, max(total - beginning, 0.0))
    if job.rule in TRAININGS:
        seconds = divide_training(job.log(config.benchmark), *seconds)
    memory = 0.0 if math.isnan(memory) else memory  # the job was too quick to measure
    return measurement(config, job, sizes, seconds=seconds, memory=memory, size=size_of(job.makes))


def size_of(made: Sequence[Path]) -> int:
    """Bytes of files and of all files in folders."""
    files = [file for path in made for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())
