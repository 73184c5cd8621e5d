"""A frame: what is done, what runs and how far it is, what failed and why, and how long it will take."""

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmark.monitoring.watch.forecast import forecast
from benchmark.monitoring.watch.progress import Progress
from benchmark.monitoring.watch.states import Seen, State
from benchmark.pipeline.jobs import RULES

STATES: tuple[State, ...] = ("done", "running", "failed", "waiting")
QUIET = 120.0
"""Seconds of silence that are told. A training speaks more often, and other jobs say nothing until they are done."""


def frame(benchmark: str, jobs: Sequence[Seen], *, brief: bool = False) -> RenderableType:
    """All that is to be seen of a run.

    Args:
        brief: for a screen that does not scroll, of 80 columns and 24 lines, say, and cuts off the end: a job that runs
            has two lines, which cut off losses, and rules of which nothing has begun share a row.
    """
    parts: list[RenderableType] = [Text(headline(benchmark, jobs), style="bold")]
    if running := [seen for seen in jobs if seen.state == "running"]:
        parts += [line for seen in running for line in _lines(seen)] if brief else [_running(running)]
    parts += [
        Text(f"failed: {' '.join(seen.job.key)}: {seen.reason} (see {seen.job.log(benchmark)})", style="red")
        for seen in jobs
        if seen.state == "failed"
    ]
    parts += [
        Text(f"came to nothing: {seen.job.name}: {seen.reason}", style="yellow")
        for seen in jobs
        if seen.state == "done" and seen.reason
    ]
    return Group(*parts, _by_rule(jobs, brief))


def headline(benchmark: str, jobs: Sequence[Seen]) -> str:
    """One line: how many jobs there are in each state, and the time left."""
    counts = Counter(seen.state for seen in jobs)
    told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state] or state == "done")
    return f"{benchmark}: {told}, of {len(jobs)} jobs{_left(jobs)}"


def _left(jobs: Sequence[Seen]) -> str:
    left = forecast(jobs)
    if left.seconds is None:
        return "; nothing is running"
    if left.seconds == 0 and not left.unknown:
        return ""
    least = f" at least; nothing is known yet of {', '.join(left.unknown)}" if left.unknown else ""
    return f"; {duration(left.seconds)} left{least}"


def _by_rule(jobs: Sequence[Seen], brief: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("rule")
    for state in (*STATES, "mean time"):
        table.add_column(state, justify="right")
    of_rules = {rule: [seen for seen in jobs if seen.job.rule == rule] for rule in RULES}
    of_rules = {rule: own for rule, own in of_rules.items() if own}
    untouched = [rule for rule, own in of_rules.items() if all(seen.state == "waiting" for seen in own)]
    if brief and len(untouched) > 1:
        later = [seen for rule in untouched for seen in of_rules.pop(rule)]
        of_rules[f"{len(untouched)} rules later"] = later
    for rule, own in of_rules.items():
        counts = Counter(seen.state for seen in own)
        taken = [seen.seconds for seen in own if seen.seconds is not None]
        mean = duration(sum(taken) / len(taken)) if taken else ""
        table.add_row(rule, *(str(counts[state] or "") for state in STATES), mean)
    return table


def _lines(seen: Seen) -> list[Text]:
    """What a running job is and how far, and its losses, each cut off where the screen ends."""
    step, _, left, losses = _progress(seen.progress) if seen.progress else ("", "", "", "")
    far = ", ".join(filter(None, (_silent(seen), step, left and f"{left} left")))
    lines = [": ".join(filter(None, (" ".join(seen.job.key), far))), losses and f"  {losses}"]
    return [Text(line, no_wrap=True, overflow="ellipsis") for line in lines if line]


def _silent(seen: Seen) -> str:
    return f"silent for {duration(seen.silent)}" if seen.silent > QUIET else ""


def _running(jobs: Sequence[Seen]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("running", "step", "steps/s", "left", "last losses"):
        table.add_column(head, justify="left" if head in ("running", "last losses") else "right", overflow="fold")
    for seen in jobs:
        cells = _progress(seen.progress) if seen.progress else ("", "", "", "")
        table.add_row(" ".join(seen.job.key), *cells[:-1], "; ".join(filter(None, (_silent(seen), cells[-1]))))
    return table


def _progress(progress: Progress) -> tuple[str, str, str, str]:
    speed = f"{progress.per_second:.3g}" if progress.per_second else ""
    left = duration(progress.seconds_left) if progress.seconds_left is not None else ""
    losses = ", ".join(f"{name} {loss:.3g}" for name, loss in progress.losses.items())
    return f"{progress.step} of {progress.steps}", speed, left, losses


def duration(seconds: float) -> str:
    """As people say it, to two units."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 600:
        minutes, seconds = divmod(round(seconds), 60)
        return f"{minutes} min {seconds:02d} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02d} h"
