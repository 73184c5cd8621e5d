"""When each job would run: a simulation of Snakemake's greedy scheduler, on one machine."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.pipeline.jobs import ON_GPU, Job, Key
from benchmark.runtime.errors import UserError


@dataclass(frozen=True)
class Machine:
    """What jobs share.

    Attributes:
        cores: every job takes one.
        gpus: each job of a rule that uses one takes one; 0 is a machine on which these run on their core.
        memory: MiB; None is as much as they want.
    """

    cores: int
    gpus: int = 0
    memory: float | None = None


@dataclass(frozen=True)
class Placed:
    """One job and when it runs, in seconds from the start."""

    job: Job
    start: float
    end: float


def simulate(
    jobs: Sequence[Job], seconds: Mapping[Key, float], machine: Machine, memory: Mapping[Key, float] | None = None
) -> list[Placed]:
    """Starts, whenever a job ends, what is ready and fits: by priority, then in the order given.

    Args:
        jobs: each after those that it needs, of which such as are not among them count as done.
        seconds: that each takes.
        memory: MiB of each; needed where the machine's is limited.

    Returns:
        In the order in which they start.

    Raises:
        UserError: a job needs more memory than there is.
    """
    memory = memory or {}
    known = {job.key for job in jobs}
    waiting = {job.key: known.intersection(job.needs) for job in jobs}
    order = {job.key: (-job.priority, n) for n, job in enumerate(jobs)}
    by_key = {job.key: job for job in jobs}
    ready = sorted((key for key, needs in waiting.items() if not needs), key=order.__getitem__)
    running: list[tuple[float, int, Key]] = []
    placed: list[Placed] = []
    now = 0.0
    while ready or running:
        for key in list(ready):
            if _fits(by_key[key], [by_key[k] for _, _, k in running], machine, memory):
                ready.remove(key)
                heapq.heappush(running, (now + seconds[key], len(placed), key))
                placed.append(Placed(by_key[key], now, now + seconds[key]))
        if not running:
            raise UserError(f"{machine.memory:.0f} MiB", f"{' '.join(ready[0])} needs more", "Take a larger machine")
        now, _, ended = heapq.heappop(running)
        for key, needs in waiting.items():
            if ended in needs:
                needs.remove(ended)
                if not needs:
                    ready.append(key)
        ready.sort(key=order.__getitem__)
    return placed


def _fits(job: Job, running: Sequence[Job], machine: Machine, memory: Mapping[Key, float]) -> bool:
    if len(running) >= machine.cores:
        return False
    if machine.gpus and job.rule in ON_GPU and sum(r.rule in ON_GPU for r in running) >= machine.gpus:
        return False
    if job.rule == "fetch" and any(r.rule == "fetch" for r in running):  # DVC locks the whole repository
        return False
    if machine.memory is None:
        return True
    return memory[job.key] + sum(memory[r.key] for r in running) <= machine.memory
