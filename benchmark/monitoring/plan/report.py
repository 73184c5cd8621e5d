"""A prediction as text."""

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from benchmark.monitoring.duration import duration
from benchmark.monitoring.plan.prediction import EXTRAPOLATED, Prediction

PREPARED = ("prepare", "collect")


def print_prediction(console: Console, title: str, source: str, found: Prediction) -> None:
    """Prints totals, rules, bottleneck, memory, disk, and how reliable they are."""
    machine = found.machine
    gpus = f" and {machine.gpus} GPUs" if machine.gpus else ""
    if guessed := [rule for rule in found.rules if rule.factor > EXTRAPOLATED]:
        factor = max(rule.factor for rule in guessed)
        warning = (
            f"WARNING: the totals are guesses: the times of {', '.join(rule.rule for rule in guessed)} are scaled from "
            f"units of work of another size, up to {factor:.0f} times. --measure measures at this config's sizes."
        )
        console.print(warning, style="bold red", soft_wrap=True, markup=False)
    headline = f"{title}: about {duration(found.wall_seconds)} on {machine.cores} cores{gpus}, from {source}"
    console.print(headline, markup=False)
    console.print(_rules(found))
    for line in _lines(found):
        console.print(line, soft_wrap=True)


def _rules(found: Prediction) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("rule", "jobs", "core time", "share", "largest job", "as measured"):
        table.add_column(head, justify="left" if head == "rule" else "right")
    for rule in found.rules:
        if rule.scale is None:
            table.add_row(rule.rule, str(rule.jobs), "", "", "", "not measured")
            continue
        table.add_row(
            rule.rule,
            str(rule.jobs),
            duration(rule.seconds),
            f"{rule.seconds / found.core_seconds:.0%}",
            f"{rule.memory:.0f} MiB" if rule.memory and rule.same_size else "",
            "yes" if rule.same_size else f"times {rule.scale:.2g}",
        )
    return table


def _lines(found: Prediction) -> Iterator[str]:
    hours = f"{found.core_seconds / 3600:.2f} core-hours"
    if found.machine.gpus:
        hours += f", {found.gpu_seconds / 3600:.2f} GPU-hours"
    busy = found.core_seconds / (found.wall_seconds * found.machine.cores)
    yield f"In all: {hours}; cores are busy for {busy:.0%} of the time."
    busiest = max(found.rules, key=lambda rule: rule.seconds)
    yield f"Bottleneck: {busiest.rule}, {busiest.seconds / found.core_seconds:.0%} of all core time."
    chain = " → ".join(dict.fromkeys(job.rule for job in found.path))
    yield f"The longest chain takes {duration(found.path_seconds)} on any number of cores: {chain}."
    if not found.scaled:  # how memory grows with size is unknown
        yield f"Memory of jobs side by side: {found.peak_memory / 1024:.1f} GiB at most."
    yield f"Disk: {_disk(found)}."
    if unknown := [rule.rule for rule in found.rules if rule.scale is None]:
        yield f"Not counted, because nothing similar was measured: {', '.join(unknown)}."
    if found.scaled:
        yield (
            f"Scaled by pixels and squared widths, which can be wrong by several times: {', '.join(found.scaled)}. "
            "--measure measures at this config's sizes."
        )
    yield "Downloads and time in a cluster's queue are not included."


def _disk(found: Prediction) -> str:
    known = sum(size for size in found.raw.values() if size is not None)
    unknown = [name for name, size in found.raw.items() if size is None]
    archives = f"archives {_size(known)}" + (f" and {', '.join(unknown)}, unknown" if unknown else "")
    others = [rule.rule for rule in found.rules if rule.rule not in PREPARED]
    return f"{archives}; prepared {_size(found.size(*PREPARED))}; results {_size(found.size(*others))}"


def _size(number: float) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
