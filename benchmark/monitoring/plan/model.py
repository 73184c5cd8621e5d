"""Cost of each job, from measurements of similar jobs: start-up, and work in proportion to its amount and unit size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.monitoring.plan.dataset_size import DatasetSize
from benchmark.monitoring.plan.measurement import Measurement, method_of
from benchmark.monitoring.plan.work import amount, bulk, unit
from benchmark.pipeline.jobs import Job


@dataclass(frozen=True)
class Estimate:
    """Expected cost of one job.

    Attributes:
        seconds: 0 if nothing similar was measured.
        memory: MiB.
        size: bytes of its files.
        scale: size of its unit of work relative to the measured one; None if nothing similar was measured.
    """

    seconds: float
    memory: float
    size: float
    scale: float | None


def estimate(
    config: BenchmarkConfig, job: Job, sizes: Mapping[str, DatasetSize], measurements: Sequence[Measurement]
) -> Estimate:
    """Cost of a job, from measurements of its rule: of its method and dataset, else of its method, else any."""
    similar = _similar(job, measurements)
    if not similar:
        return Estimate(0.0, 0.0, 0.0, None)
    units, size = amount(config, job, sizes), unit(config, job, sizes)
    rates = [m.work / (m.amount * m.unit) for m in similar if m.amount]
    work = units * size * fmean(rates) if rates else fmean(m.work for m in similar)
    densities = [m.size / m.bulk for m in similar if m.bulk]
    return Estimate(
        seconds=fmean(m.start_up for m in similar) + work,
        memory=max(m.memory for m in similar),
        size=fmean(densities) * bulk(config, job, sizes) if densities else 0.0,
        scale=size / fmean(m.unit for m in similar),
    )


def _similar(job: Job, measurements: Sequence[Measurement]) -> list[Measurement]:
    rule = [m for m in measurements if m.rule == job.rule]
    method = [m for m in rule if m.method == method_of(job)]
    dataset = [m for m in method if m.dataset == job.dataset]
    return dataset or method or rule
