"""What jobs took, of a run that is finished: Snakemake's records, the last lines of logs, and the files on the disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark import layout
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.errors import UserError
from benchmark.jobs import Job, jobs_of
from benchmark.planning.extent import Extent, extent_of
from benchmark.planning.work import amount, bulk, unit
from benchmark.reporting.timings import start_up


@dataclass(frozen=True)
class Measured:
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

    rule: str
    dataset: str
    method: str
    start_up: float
    work: float
    amount: float
    unit: float
    memory: float
    size: float
    bulk: float


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
    work = (amount(config, job, extents), unit(config, job, extents))
    return Measured(job.rule, job.dataset, method_of(job), *seconds, *work, memory, size, bulk(config, job, extents))


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
            layout.LOGS / config.benchmark / "benchmarks",
            "holds no times of a run",
            "Run it first, or measure with --measure",
        )
    return found


def _read(config: BenchmarkConfig, job: Job, extents: Mapping[str, Extent]) -> Measured | None:
    path = job.times(config.benchmark)
    if not path.is_file():
        return None
    row = pd.read_csv(path, sep="\t", na_values=["-"]).fillna(0.0).iloc[0]
    beginning = start_up(layout.LOGS / config.benchmark, job.rule, job.name)
    seconds = (beginning, max(float(row["s"]) - beginning, 0.0))
    memory, size = float(row["max_rss"]), size_of(job.makes)
    return measured(config, job, extents, seconds=seconds, memory=memory, size=size)


def size_of(paths: Sequence[Path]) -> int:
    """Bytes of files, and of all files in folders; a subject's record stands for its whole folder."""
    whole = [path.parent if path.name == "subject.json" else path for path in paths]
    files = [file for path in whole for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())
