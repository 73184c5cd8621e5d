"""When each job would run: a simulation of Snakemake's greedy scheduler on one machine, and the critical path."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from benchmark.pipeline.jobs import Job, Key
from benchmark.runtime.errors import UserError

_START: Key = ("", "")


@dataclass(frozen=True)
class Machine:
    """What jobs share.

    Attributes:
        cores: each job takes one.
        gpus: each job of a GPU rule takes one; with 0, these jobs run on their core.
        memory: MiB; None is unlimited.
    """

    cores: int
    gpus: int = 0
    memory: float | None = None


@dataclass(frozen=True)
class ScheduledJob:
    """A job with its start and end, in seconds since the start of the run."""

    job: Job
    start: float
    end: float


def dependency_graph(jobs: Sequence[Job]) -> nx.DiGraph:
    """Edges from each job to the jobs that need it. Needs that are not among ``jobs`` are left out."""
    graph = nx.DiGraph()
    graph.add_nodes_from(job.key for job in jobs)
    graph.add_edges_from((need, job.key) for job in jobs for need in job.needs if need in graph)
    return graph


def simulate(
    jobs: Sequence[Job], seconds: Mapping[Key, float], machine: Machine, memory: Mapping[Key, float] | None = None
) -> list[ScheduledJob]:
    """Starts jobs that are ready and fit, by priority and then in the given order, whenever a job ends.

    Args:
        jobs: needs that are not among them count as done.
        seconds: duration of each job.
        memory: MiB of each job; required if the machine's memory is limited.

    Returns:
        The jobs in the order in which they start.

    Raises:
        UserError: a job needs more memory than the machine has.
    """
    memory = memory or {}
    order = {job.key: (-job.priority, n) for n, job in enumerate(jobs)}
    by_key = {job.key: job for job in jobs}
    waiting = dependency_graph(jobs)
    ready = sorted((key for key, needs in waiting.in_degree() if not needs), key=order.__getitem__)
    running: list[tuple[float, int, Key]] = []
    scheduled: list[ScheduledJob] = []
    now = 0.0
    while ready or running:
        for key in list(ready):
            if _fits(by_key[key], [by_key[k] for _, _, k in running], machine, memory):
                ready.remove(key)
                heapq.heappush(running, (now + seconds[key], len(scheduled), key))
                scheduled.append(ScheduledJob(by_key[key], now, now + seconds[key]))
        if not running:
            raise UserError(f"{machine.memory:.0f} MiB", f"{' '.join(ready[0])} needs more", "Take a larger machine")
        now, _, ended = heapq.heappop(running)
        freed = [key for key in waiting.successors(ended) if waiting.in_degree(key) == 1]
        waiting.remove_node(ended)
        ready = sorted([*ready, *freed], key=order.__getitem__)
    return scheduled


def _fits(job: Job, running: Sequence[Job], machine: Machine, memory: Mapping[Key, float]) -> bool:
    if len(running) >= machine.cores:
        return False
    if machine.gpus and job.on_gpu and sum(r.on_gpu for r in running) >= machine.gpus:
        return False
    if job.rule == "fetch" and any(r.rule == "fetch" for r in running):  # DVC locks the whole repository
        return False
    if machine.memory is None:
        return True
    return memory[job.key] + sum(memory[r.key] for r in running) <= machine.memory


def critical_path(jobs: Sequence[Job], seconds: Mapping[Key, float]) -> list[Job]:
    """The chain of dependent jobs that takes longest.

    Args:
        jobs: all jobs, each after those that it needs.
    """
    graph = nx.DiGraph()
    graph.add_edges_from(
        (need, job.key, {"seconds": seconds[job.key]}) for job in jobs for need in job.needs or (_START,)
    )
    by_key = {job.key: job for job in jobs}
    path = nx.dag_longest_path(graph, weight="seconds", topo_order=[_START, *by_key])
    return [by_key[key] for key in path[1:]]
