"""One frame of ``hbench watch``: jobs by state, running trainings, failures with reasons, and the time left."""

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmark.monitoring.duration import duration
from benchmark.monitoring.watch.forecast import forecast
from benchmark.monitoring.watch.status import JobStatus, State
from benchmark.pipeline.jobs import RULES

STATES: tuple[State, ...] = ("done", "running", "failed", "waiting")
QUIET = 120.0
"""Seconds of silence after which a frame shows it. Trainings log more often; other jobs log nothing until they end."""


def frame(benchmark: str, jobs: Sequence[JobStatus], *, brief: bool = False) -> RenderableType:
    """A whole frame.

    Args:
        brief: for a terminal of 80 columns and 24 lines: losses are cut off, and all rules that have not begun share a
            row.
    """
    parts: list[RenderableType] = [Text(headline(benchmark, jobs), style="bold")]
    parts += [line for status in jobs if status.state == "running" for line in _lines(status, brief)]
    parts += [
        Text(f"failed: {' '.join(s.job.key)}: {s.reason} (see {s.job.log(benchmark)})", style="red")
        for s in jobs
        if s.state == "failed"
    ]
    # The harmonization repeats the reason of a training without a result.
    reasons = dict.fromkeys((s.job.name, s.reason) for s in jobs if s.state == "done" and s.reason)
    parts += [Text(f"no result: {name}: {reason}", style="yellow") for name, reason in reasons]
    return Group(*parts, _by_rule(jobs, brief))


def headline(benchmark: str, jobs: Sequence[JobStatus]) -> str:
    """One line: the number of jobs in each state, and the time left."""
    counts = Counter(status.state for status in jobs)
    states = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state] or state == "done")
    return f"{benchmark}: {states}, of {len(jobs)} jobs{_left(jobs)}"


def _left(jobs: Sequence[JobStatus]) -> str:
    left = forecast(jobs)
    if left.seconds is None:
        return "; nothing is running"
    if left.seconds == 0 and not left.unknown:
        return ""
    least = f" at least; nothing is known yet of {', '.join(left.unknown)}" if left.unknown else ""
    return f"; {duration(left.seconds)} left{least}"


def _by_rule(jobs: Sequence[JobStatus], brief: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("rule")
    for state in (*STATES, "mean time"):
        table.add_column(state, justify="right")
    of_rules = {rule: [status for status in jobs if status.job.rule == rule] for rule in RULES}
    of_rules = {rule: own for rule, own in of_rules.items() if own}
    untouched = [rule for rule, own in of_rules.items() if all(status.state == "waiting" for status in own)]
    if brief and len(untouched) > 1:
        later = [status for rule in untouched for status in of_rules.pop(rule)]
        of_rules[f"{len(untouched)} rules later"] = later
    for rule, own in of_rules.items():
        counts = Counter(status.state for status in own)
        taken = [status.seconds for status in own if status.seconds is not None]
        mean = duration(sum(taken) / len(taken)) if taken else ""
        table.add_row(rule, *(str(counts[state] or "") for state in STATES), mean)
    return table


def _lines(status: JobStatus, brief: bool) -> list[Text]:
    """A running job with its progress, and its losses."""
    name, progress = " ".join(status.job.key), status.progress
    said = [f"silent for {duration(status.silent)}"] if status.silent > QUIET else []
    losses = ""
    if progress:
        said.append(f"{progress.step} of {progress.steps}")
        said += [f"{duration(progress.seconds_left)} left"] if progress.seconds_left is not None else []
        losses = ", ".join(f"{name} {loss:.3g}" for name, loss in progress.losses.items())
    lines = [f"{name}: {', '.join(said)}" if said else name, *([f"  {losses}"] if losses else [])]
    return [Text(line, no_wrap=brief, overflow="ellipsis") for line in lines]
