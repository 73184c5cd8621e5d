"""What jobs took, of a run that is finished: Snakemake's records, the last lines of logs, and the files on the disk."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from benchmark.config.base import Strict
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import suggestion
from benchmark.monitoring.plan.extent import Extent, extent_of
from benchmark.monitoring.plan.work import amount, bulk, unit
from benchmark.monitoring.watch.progress import WHOLE, rows_of, tail
from benchmark.pipeline.jobs import RULES, TRAININGS, Job, jobs_of
from benchmark.reporting.timings import read_times, start_up
from benchmark.runtime import paths
from benchmark.runtime.errors import UserError


def _known(rule: str) -> str:
    if rule not in RULES:
        raise ValueError(f"there is no such rule{suggestion(rule, list(RULES))}")
    return rule


def _whole(number: float) -> float:
    if number % 1:
        raise ValueError("should be a whole number")
    return number


# Bounds that nothing real comes near, so that no sum of a file's numbers is infinite.
_Amount = Annotated[float, Field(strict=True, ge=0, le=1e9)]
_Count = Annotated[float, Field(strict=True, ge=0, le=1e18), AfterValidator(_whole)]


class Measured(Strict):
    """What one job took.

    Attributes:
        method: of a training, else empty.
        start_up: seconds until the work began.
        work: seconds of it.
        amount: units of the work.
        unit: size of a unit.
        memory: MiB at most.
        size: bytes of its files.
        bulk: what these grow with.
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
    """Of a training that a method does, else empty."""
    return job.cells[0].method if job.rule == "train" else ""


def measured(
    config: BenchmarkConfig,
    job: Job,
    extents: Mapping[str, Extent],
    *,
    seconds: tuple[float, float],
    memory: float,
    size: float,
) -> Measured:
    """One job's measurement, with how much work that was.

    Args:
        seconds: of start-up and of work.
    """
    return Measured(
        rule=job.rule,
        dataset=job.dataset,
        method=method_of(job),
        start_up=seconds[0],
        work=seconds[1],
        amount=amount(config, job, extents),
        unit=unit(config, job, extents),
        memory=memory,
        size=size,
        bulk=bulk(config, job, extents),
    )


def of_steps(log: Path, start_up: float, work: float) -> tuple[float, float]:
    """Divides a training's time anew: into that of its steps, by the lines of its log, and all that is about them.

    A training that went on from a checkpoint took a part of the steps; the seconds are those of all of them, at the
    speed of this part. The first step, which is slow, is left out of the speed.

    Args:
        start_up: seconds until the process began its work.
        work: seconds from then on.

    Returns:
        Seconds about the steps, and of the steps.
    """
    _, rows = rows_of(tail(log, WHOLE))
    # Where too few steps are told to have a speed, or the clock was set meanwhile, all the work counts as that of the
    # steps: about right for a long training, and too much for a short one, most of whose time is about its steps.
    if len(rows) < 3:  # the first line tells that it begins
        return start_up, work
    begun, first, last = rows[0], rows[1], rows[-1]
    if last.step <= first.step or last.time <= first.time:
        return start_up, work
    each = (last.time - first.time) / (last.step - first.step)
    own = each * (last.step - begun.step)
    return (start_up + work - own, each * last.steps) if own <= work else (start_up, work)


def read_run(config: BenchmarkConfig) -> list[Measured]:
    """What all jobs of a finished run took.

    Raises:
        DataError: an inventory is damaged.
        UserError: no job has left its times.
    """
    extents = {name: extent_of(name) for name in config.datasets}
    jobs = jobs_of(config, {name: list(extent.subjects) for name, extent in extents.items()})
    found = [m for job in jobs if (m := _read(config, job, extents))]
    if not found:
        raise UserError(
            paths.LOGS / config.benchmark / "benchmarks",
            "holds no times of a run",
            "Run it first, or measure with --measure",
        )
    return found


def _read(config: BenchmarkConfig, job: Job, extents: Mapping[str, Extent]) -> Measured | None:
    """None where its times are missing or damaged; others of its rule may stand for it."""
    times = read_times(job.times(config.benchmark))
    if times is None:
        return None
    whole, memory = times
    beginning = start_up(paths.LOGS / config.benchmark, job.rule, job.name)
    seconds = (beginning, max(whole - beginning, 0.0))
    if job.rule in TRAININGS:
        seconds = of_steps(job.log(config.benchmark), *seconds)
    memory = 0.0 if math.isnan(memory) else memory
    return measured(config, job, extents, seconds=seconds, memory=memory, size=size_of(job.makes))


def size_of(made: Sequence[Path]) -> int:
    """Bytes of files, and of all files in folders; a subject's record stands for its whole folder."""
    whole = [path.parent if path.name == "subject.json" else path for path in made]
    files = [file for path in whole for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())
