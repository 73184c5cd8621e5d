"""What each job will take, from what jobs like it took: start-up, and work in proportion to its amount and size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.monitoring.plan.extent import Extent
from benchmark.monitoring.plan.measured import Measured, method_of
from benchmark.monitoring.plan.work import amount, bulk, unit
from benchmark.pipeline.jobs import Job


@dataclass(frozen=True)
class Estimate:
    """What one job will take.

    Attributes:
        seconds: 0 where nothing like it was measured.
        memory: MiB.
        size: bytes of its files.
        scale: how many times as large a unit is as the one that was measured; None where none was.
    """

    seconds: float
    memory: float
    size: float
    scale: float | None


def estimate(
    config: BenchmarkConfig, job: Job, extents: Mapping[str, Extent], measurements: Sequence[Measured]
) -> Estimate:
    """Of the measurements of its rule, those that are most like the job: dataset and method, then method, then any."""
    like = _like(job, measurements)
    if not like:
        return Estimate(0.0, 0.0, 0.0, None)
    units, size = amount(config, job, extents), unit(config, job, extents)
    rates = [m.work / (m.amount * m.unit) for m in like if m.amount]
    work = units * size * fmean(rates) if rates else fmean(m.work for m in like)
    return Estimate(
        seconds=fmean(m.start_up for m in like) + work,
        memory=max(m.memory for m in like),
        size=fmean(m.size / m.bulk for m in like if m.bulk) * bulk(config, job, extents)
        if any(m.bulk for m in like)
        else 0.0,
        scale=size / fmean(m.unit for m in like),
    )


def _like(job: Job, measurements: Sequence[Measured]) -> list[Measured]:
    same = [m for m in measurements if m.rule == job.rule]
    method = [m for m in same if m.method == method_of(job)]
    dataset = [m for m in method if m.dataset == job.dataset]
    return dataset or method or same
