"""Time left of a run, from the durations of its finished jobs and the speed of its trainings."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import networkx as nx

from benchmark.monitoring.schedule import Machine, dependency_graph, simulate
from benchmark.monitoring.watch.status import JobStatus
from benchmark.pipeline.jobs import Job


@dataclass(frozen=True)
class Forecast:
    """Time left.

    Attributes:
        seconds: if as many jobs run side by side as now; None if no job is running.
        unknown: rules without a finished job, whose time is not counted.
    """

    seconds: float | None
    unknown: tuple[str, ...]


def forecast(jobs: Sequence[JobStatus]) -> Forecast:
    """Time left of a run, without failed jobs and those that depend on them."""
    unfinished = [status for status in jobs if status.state != "done"]
    graph = dependency_graph([status.job for status in unfinished])
    for status in unfinished:
        if status.state == "failed" and status.job.key in graph:
            graph.remove_nodes_from([status.job.key, *nx.descendants(graph, status.job.key)])
    left = [status for status in unfinished if status.job.key in graph]
    means = _means(jobs)
    seconds = {status.job.key: _seconds(status, means) for status in left}
    unknown = tuple(dict.fromkeys(rule for (rule, _), taken in seconds.items() if taken is None))
    running = sum(status.state == "running" for status in left)
    if not running:
        return Forecast(None if left else 0.0, unknown)
    known = {key: taken or 0.0 for key, taken in seconds.items()}
    running_first = sorted(left, key=lambda status: status.state != "running")
    scheduled = simulate([status.job for status in running_first], known, Machine(running))
    return Forecast(max(job.end for job in scheduled), unknown)


def _kinds(job: Job) -> list[tuple[str, ...]]:
    """Groups of jobs with similar durations, the most similar first."""
    method = job.cells[0].method if job.rule == "train" else ""
    return [(job.rule, job.dataset, method), (job.rule, method), (job.rule,)]


def _means(jobs: Sequence[JobStatus]) -> dict[tuple[str, ...], float]:
    taken: dict[tuple[str, ...], list[float]] = {}
    for status in jobs:
        if status.seconds is not None:
            for kind in _kinds(status.job):
                taken.setdefault(kind, []).append(status.seconds)
    return {kind: fmean(seconds) for kind, seconds in taken.items()}


def _seconds(status: JobStatus, means: dict[tuple[str, ...], float]) -> float | None:
    if status.progress and status.progress.seconds_left is not None:
        return max(0.0, status.progress.seconds_left - status.silent)
    return next((means[kind] for kind in _kinds(status.job) if kind in means), None)
