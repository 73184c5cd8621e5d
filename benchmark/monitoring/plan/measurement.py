"""Measurements of jobs, and those of a finished run: from Snakemake's records, the ends of logs, and file sizes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from benchmark.config.base import Strict
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import suggestion
from benchmark.monitoring.plan.dataset_size import DatasetSize, dataset_size
from benchmark.monitoring.plan.work import amount, bulk, unit
from benchmark.monitoring.training_log import WHOLE, rows_of, tail
from benchmark.pipeline.jobs import OF_CELL, RULES, TRAININGS, Job, jobs_of
from benchmark.reporting.timings import read_times, start_up
from benchmark.runtime import paths
from benchmark.runtime.errors import UserError


def _known(rule: str) -> str:
    if rule not in RULES:
        raise ValueError(f"there is no such rule{suggestion(rule, list(RULES))}")
    return rule


def _integer(number: float) -> float:
    if number % 1:
        raise ValueError("should be a whole number")
    return number


# Far above any real value, and low enough that sums of a file's numbers stay finite.
_Amount = Annotated[float, Field(strict=True, ge=0, le=1e9)]
_Count = Annotated[float, Field(strict=True, ge=0, le=1e18), AfterValidator(_integer)]


class Measurement(Strict):
    """What one job took.

    Attributes:
        method: of a job of one cell, else empty.
        start_up: seconds until the work began.
        work: seconds of work.
        amount: units of work.
        unit: size of a unit.
        memory: peak, MiB.
        size: bytes of the job's files.
        bulk: what this size is proportional to.
    """

    rule: Annotated[str, AfterValidator(_known)]
    dataset: str
    method: str
    start_up: _Amount
    work: _Amount
    amount: _Count
    unit: Annotated[_Count, Field(ge=1)]
    memory: _Amount
    size: _Count
    bulk: _Count


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
    """The measurement of a job, with its amount of work.

    Args:
        seconds: of start-up and of work.
        memory: peak, MiB.
        size: bytes of the job's files.
    """
    return Measurement(
        rule=job.rule,
        dataset=job.dataset,
        method=method_of(job),
        start_up=seconds[0],
        work=seconds[1],
        amount=amount(config, job, sizes),
        unit=unit(config, job, sizes),
        memory=memory,
        size=size,
        bulk=bulk(config, job, sizes),
    )


def divide_training(log: Path, start_up: float, work: float) -> tuple[float, float]:
    """Divides the time of a training into that of its steps, by the times in its log, and the rest.

    For a training that continued from a checkpoint, the time of all its steps is extrapolated from those it did. The
    first step is slow and does not count for the speed.

    Args:
        start_up: seconds until the process began its work.
        work: seconds after that.

    Returns:
        Seconds outside the steps, and seconds of the steps.
    """
    _, rows = rows_of(tail(log, WHOLE))
    # If the log has too few steps, or the clock was set meanwhile, all work counts as steps. That is nearly right for a
    # long training, and too much for a short one.
    if len(rows) < 3:  # the first row is the beginning
        return start_up, work
    begun, first, last = rows[0], rows[1], rows[-1]
    if last.step <= first.step or last.time <= first.time:
        return start_up, work
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
    memory = 0.0 if math.isnan(memory) else memory
    return measurement(config, job, sizes, seconds=seconds, memory=memory, size=size_of(job.makes))


def size_of(made: Sequence[Path]) -> int:
    """Bytes of files and of all files in folders."""
    files = [file for path in made for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())
