"""Cost of a benchmark on a machine: of each job from measurements of similar jobs, then of a simulated run.

A job takes its start-up, and work in proportion to its amount and the size of a unit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

from benchmark.archives.retrieval import versioning
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.monitoring.plan.dataset_size import DatasetSize, dataset_size
from benchmark.monitoring.plan.measurement import Measurement, method_of
from benchmark.monitoring.plan.work import amount, bulk, network_width, unit
from benchmark.monitoring.schedule import Machine, ScheduledJob, critical_path, simulate
from benchmark.pipeline.jobs import RULES, Job, Key, jobs_of

SAME_SIZE = 1.5
"""Largest factor between units of work that count as having the measured size."""
EXTRAPOLATED = 10.0
"""Factor between squared widths above which nothing is predicted: other operations dominate in other networks."""


@dataclass(frozen=True)
class Estimate:
    """Expected cost of one job.

    Attributes:
        seconds: 0 if nothing similar was measured.
        memory: MiB.
        size: bytes of its files.
        scale: size of its unit of work relative to the measured one; None if nothing similar was measured.
        widened: squared width of its networks relative to that of those that were measured.
    """

    seconds: float
    memory: float
    size: float
    scale: float | None
    widened: float = 1.0


def estimate(
    config: BenchmarkConfig, job: Job, sizes: Mapping[str, DatasetSize], measurements: Sequence[Measurement]
) -> Estimate:
    """Cost of a job, from measurements of its rule.

    Those of its method and dataset count; else those of its method; else those with networks of the nearest width.
    """
    width = network_width(config, job)
    similar = _similar(job, width, measurements)
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
        widened=width**2 / fmean(m.width**2 for m in similar),
    )


def _similar(job: Job, width: int, measurements: Sequence[Measurement]) -> list[Measurement]:
    rule = [m for m in measurements if m.rule == job.rule]
    nearest = min((abs(m.width - width) for m in rule), default=0)
    method = [m for m in rule if m.method == method_of(job)]
    dataset = [m for m in method if m.dataset == job.dataset]
    return dataset or method or [m for m in rule if abs(m.width - width) == nearest]


@dataclass(frozen=True)
class RuleTotal:
    """All jobs of one rule.

    Attributes:
        seconds: core time.
        memory: MiB of the largest job.
        scale: size of the unit of work relative to the measured one, where they differ most; None if a job has no
            similar measurement.
        widened: ratio of the larger to the smaller squared width, where they differ most.
    """

    rule: str
    jobs: int
    seconds: float
    memory: float
    scale: float | None
    widened: float

    @property
    def same_size(self) -> bool:
        """Whether units of work have about the measured size."""
        return self.scale is not None and self.factor <= SAME_SIZE

    @property
    def factor(self) -> float:
        """Ratio of the larger to the smaller of the two units; 1 without a measurement."""
        return 1.0 if self.scale is None else max(self.scale, 1 / self.scale)


@dataclass(frozen=True)
class Prediction:
    """A simulated run and its disk space.

    Attributes:
        path: the critical path, which bounds the time on any number of cores.
        raw: bytes of each archive; None if DVC states no size.
    """

    machine: Machine
    scheduled: Sequence[ScheduledJob]
    estimates: Mapping[Key, Estimate]
    path: Sequence[Job]
    raw: Mapping[str, int | None]

    @property
    def wall_seconds(self) -> float:
        return max(job.end for job in self.scheduled)

    @property
    def core_seconds(self) -> float:
        return sum(job.end - job.start for job in self.scheduled)

    @property
    def gpu_seconds(self) -> float:
        """0 without GPUs."""
        return sum(s.end - s.start for s in self.scheduled if s.job.on_gpu) if self.machine.gpus else 0.0

    @property
    def path_seconds(self) -> float:
        return sum(self.estimates[job.key].seconds for job in self.path)

    @property
    def peak_memory(self) -> float:
        """MiB of jobs that run side by side."""
        changes = [(s.start, self.estimates[s.job.key].memory) for s in self.scheduled]
        changes += [(s.end, -self.estimates[s.job.key].memory) for s in self.scheduled]
        return max(accumulate(change for _, change in sorted(changes)))

    def size(self, *rules: str) -> float:
        """Bytes of these rules' files."""
        return sum(e.size for (rule, _), e in self.estimates.items() if rule in rules)

    @property
    def rules(self) -> list[RuleTotal]:
        """In the order of the pipeline."""
        return [self._rule(rule) for rule in RULES if any(key[0] == rule for key in self.estimates)]

    @property
    def scaled(self) -> list[str]:
        """Rules whose times are scaled from units of another size."""
        return [rule.rule for rule in self.rules if rule.scale is not None and not rule.same_size]

    def _rule(self, rule: str) -> RuleTotal:
        own = [e for key, e in self.estimates.items() if key[0] == rule]
        scales = [e.scale for e in own if e.scale is not None]
        scale = max(scales, key=lambda s: max(s, 1 / s)) if len(scales) == len(own) else None
        widened = max(max(e.widened, 1 / e.widened) for e in own)
        return RuleTotal(rule, len(own), sum(e.seconds for e in own), max(e.memory for e in own), scale, widened)


def predict(config: BenchmarkConfig, measurements: Sequence[Measurement], machine: Machine) -> Prediction:
    """Predicts a run of all jobs, from nothing.

    Raises:
        ConfigError: there is no inventory, and the config does not state the number of subjects.
        UserError: a job needs more memory than the machine has.
    """
    sizes = {name: dataset_size(name) for name in config.datasets}
    jobs = jobs_of(config, {name: list(size.subjects) for name, size in sizes.items()})
    estimates = {job.key: estimate(config, job, sizes, measurements) for job in jobs}
    seconds = {key: e.seconds for key, e in estimates.items()}
    scheduled = simulate(jobs, seconds, machine, {key: e.memory for key, e in estimates.items()})
    stated = {name: versioning.stated(name) for name in config.datasets}
    raw = {name: found.size if found else None for name, found in stated.items()}
    return Prediction(machine, scheduled, estimates, critical_path(jobs, seconds), raw)
