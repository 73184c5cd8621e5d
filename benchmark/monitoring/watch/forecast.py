"""How long a run will still take, from what its finished jobs took and from the speed of its trainings."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmark.monitoring.plan.schedule import Machine, simulate
from benchmark.monitoring.watch.states import Seen
from benchmark.pipeline.jobs import Job, Key


@dataclass(frozen=True)
class Forecast:
    """What is left.

    Attributes:
        seconds: if as many jobs run side by side as do now; None while none does.
        unknown: rules of which no job is done yet, so that theirs are not counted.
    """

    seconds: float | None
    unknown: tuple[str, ...]


def forecast(jobs: Sequence[Seen]) -> Forecast:
    """What is left of a run. Jobs that failed, and all that wait for them, are left to the next run."""
    lost: set[Key] = set()
    for seen in jobs:
        if seen.state == "failed" or (seen.state != "done" and lost.intersection(seen.job.needs)):
            lost.add(seen.job.key)
    left = [seen for seen in jobs if seen.state != "done" and seen.job.key not in lost]
    means = _means(jobs)
    seconds = {seen.job.key: _seconds(seen, means) for seen in left}
    unknown = tuple(dict.fromkeys(rule for (rule, name), taken in seconds.items() if taken is None))
    running = sum(seen.state == "running" for seen in left)
    if not running:
        return Forecast(None if left else 0.0, unknown)
    known = {key: taken or 0.0 for key, taken in seconds.items()}
    placed = simulate([seen.job for seen in _running_first(left)], known, Machine(running))
    return Forecast(max(job.end for job in placed), unknown)


def _running_first(jobs: Sequence[Seen]) -> list[Seen]:
    return sorted(jobs, key=lambda seen: seen.state != "running")


def _kinds(job: Job) -> list[tuple[str, ...]]:
    """What a job's time is alike to, the most alike first."""
    method = job.cells[0].method if job.rule == "train" else ""
    return [(job.rule, job.dataset, method), (job.rule, method), (job.rule,)]


def _means(jobs: Sequence[Seen]) -> dict[tuple[str, ...], float]:
    taken: dict[tuple[str, ...], list[float]] = {}
    for seen in jobs:
        if seen.seconds is not None:
            for kind in _kinds(seen.job):
                taken.setdefault(kind, []).append(seen.seconds)
    return {kind: fmean(seconds) for kind, seconds in taken.items()}


def _seconds(seen: Seen, means: dict[tuple[str, ...], float]) -> float | None:
    if seen.progress and seen.progress.seconds_left is not None:
        return max(0.0, seen.progress.seconds_left - seen.silent)
    return next((means[kind] for kind in _kinds(seen.job) if kind in means), None)
