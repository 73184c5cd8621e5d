"""What a benchmark will take on a machine: the simulated run, and what follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.archives.retrieval import versioning
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.monitoring.plan.extent import extent_of
from benchmark.monitoring.plan.measured import Measured
from benchmark.monitoring.plan.model import Estimate, estimate
from benchmark.monitoring.plan.schedule import Machine, Placed, simulate
from benchmark.pipeline.jobs import ON_GPU, RULES, Job, Key, jobs_of

ALIKE = 1.5
"""Units of work that differ by no more than this factor count as those that were measured."""

FAR = 10.0
"""Units that differ by more than this factor say little of one another: what took most of the time of the one may take
nothing of the other."""


def alike(scale: float | None) -> bool:
    """Whether what was measured was of about this size."""
    return scale is not None and 1 / ALIKE <= scale <= ALIKE


@dataclass(frozen=True)
class OfRule:
    """What the jobs of one rule take together.

    Attributes:
        seconds: of cores.
        memory: MiB of the largest.
        scale: how many times as large a unit of work is as that which was measured, the least like it; None where
            nothing was measured.
    """

    rule: str
    jobs: int
    seconds: float
    memory: float
    scale: float | None

    @property
    def alike(self) -> bool:
        return alike(self.scale)

    @property
    def factor(self) -> float:
        """By which units differ from those that were measured, larger or smaller; 1 where none was."""
        return 1.0 if self.scale is None else max(self.scale, 1 / self.scale)


@dataclass(frozen=True)
class Prediction:
    """A simulated run, and the disk that it fills.

    Attributes:
        path: the jobs that wait for one another the longest; no machine with such cores is faster.
        raw: bytes of the archives; None for one of which nobody states it.
    """

    machine: Machine
    placed: Sequence[Placed]
    estimates: Mapping[Key, Estimate]
    path: Sequence[Job]
    raw: Mapping[str, int | None]

    @property
    def wall_seconds(self) -> float:
        return max(job.end for job in self.placed)

    @property
    def core_seconds(self) -> float:
        return sum(job.end - job.start for job in self.placed)

    @property
    def gpu_seconds(self) -> float:
        """0 without GPUs."""
        return sum(p.end - p.start for p in self.placed if p.job.rule in ON_GPU) if self.machine.gpus else 0.0

    @property
    def path_seconds(self) -> float:
        return sum(self.estimates[job.key].seconds for job in self.path)

    @property
    def peak_memory(self) -> float:
        """MiB of jobs that run side by side."""
        changes = [(p.start, self.estimates[p.job.key].memory) for p in self.placed]
        changes += [(p.end, -self.estimates[p.job.key].memory) for p in self.placed]
        now = peak = 0.0
        for _, change in sorted(changes):
            now += change
            peak = max(peak, now)
        return peak

    def size(self, *rules: str) -> float:
        """Bytes of what these rules leave."""
        return sum(e.size for (rule, _), e in self.estimates.items() if rule in rules)

    @property
    def rules(self) -> list[OfRule]:
        """In the order of the pipeline."""
        return [self._rule(rule) for rule in RULES if any(key[0] == rule for key in self.estimates)]

    @property
    def far(self) -> list[OfRule]:
        """Rules whose times are scaled from those of sizes so different that they are guesses."""
        return [rule for rule in self.rules if rule.factor > FAR]

    @property
    def scaled(self) -> list[str]:
        """Rules whose times are scaled from those of other sizes."""
        return [rule.rule for rule in self.rules if rule.scale is not None and not rule.alike]

    def _rule(self, rule: str) -> OfRule:
        own = [e for key, e in self.estimates.items() if key[0] == rule]
        scales = [e.scale for e in own if e.scale is not None]
        scale = max(scales, key=lambda s: max(s, 1 / s)) if len(scales) == len(own) else None
        return OfRule(rule, len(own), sum(e.seconds for e in own), max(e.memory for e in own), scale)


def predict(config: BenchmarkConfig, measurements: Sequence[Measured], machine: Machine) -> Prediction:
    """Of all jobs from the beginning, with nothing there.

    Raises:
        ConfigError: there is no inventory, and nothing is said about how many subjects there are.
        UserError: a job needs more memory than the machine has.
    """
    extents = {name: extent_of(name) for name in config.datasets}
    jobs = jobs_of(config, {name: list(extent.subjects) for name, extent in extents.items()})
    estimates = {job.key: estimate(config, job, extents, measurements) for job in jobs}
    seconds = {key: e.seconds for key, e in estimates.items()}
    placed = simulate(jobs, seconds, machine, {key: e.memory for key, e in estimates.items()})
    stated = {name: versioning.stated(name) for name in config.datasets}
    raw = {name: found.size if found else None for name, found in stated.items()}
    return Prediction(machine, placed, estimates, longest_path(jobs, seconds), raw)


def longest_path(jobs: Sequence[Job], seconds: Mapping[Key, float]) -> list[Job]:
    """The chain of jobs, each of which needs the one before it, that takes the longest.

    Args:
        jobs: each after those that it needs.
    """
    by_key = {job.key: job for job in jobs}
    ends: dict[Key, float] = {}
    before: dict[Key, Key | None] = {}
    for job in jobs:
        last = max(job.needs, key=ends.__getitem__, default=None)
        before[job.key] = last
        ends[job.key] = seconds[job.key] + (ends[last] if last else 0.0)
    key: Key | None = max(ends, key=ends.__getitem__)
    path = []
    while key:
        path.append(by_key[key])
        key = before[key]
    return path[::-1]
