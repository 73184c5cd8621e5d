"""Cost of a benchmark on a machine: a simulated run, and what follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.archives.retrieval import versioning
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.monitoring.plan.dataset_size import dataset_size
from benchmark.monitoring.plan.measurement import Measurement
from benchmark.monitoring.plan.model import Estimate, estimate
from benchmark.monitoring.schedule import Machine, ScheduledJob, critical_path, simulate
from benchmark.pipeline.jobs import RULES, Job, Key, jobs_of

SAME_SIZE = 1.5
"""Largest factor between units of work that count as having the measured size."""


def same_size(scale: float | None) -> bool:
    """Whether units of work have about the measured size."""
    return scale is not None and 1 / SAME_SIZE <= scale <= SAME_SIZE


@dataclass(frozen=True)
class RuleTotal:
    """All jobs of one rule.

    Attributes:
        seconds: core time.
        memory: MiB of the largest job.
        scale: size of the unit of work relative to the measured one, where they differ most; None if a job has no
            similar measurement.
    """

    rule: str
    jobs: int
    seconds: float
    memory: float
    scale: float | None

    @property
    def same_size(self) -> bool:
        return same_size(self.scale)


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
        now = peak = 0.0
        for _, change in sorted(changes):
            now += change
            peak = max(peak, now)
        return peak

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
        return RuleTotal(rule, len(own), sum(e.seconds for e in own), max(e.memory for e in own), scale)


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
