"""A prediction as text."""

from collections.abc import Iterator
from math import prod

from rich import box
from rich.console import Console
from rich.table import Table

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.monitoring.duration import device_time, duration
from benchmark.monitoring.plan.dataset_size import dataset_size
from benchmark.monitoring.plan.prediction import Prediction
from benchmark.monitoring.plan.sources import Source
from benchmark.monitoring.plan.work import autoencoder_shape, crops_of
from benchmark.pipeline import resources

PREPARED = ("prepare", "collect")


def print_prediction(console: Console, config: BenchmarkConfig, source: Source, found: Prediction) -> None:
    """Prints totals, rules, bottleneck, memory, disk, and how reliable they are."""
    machine = found.machine
    gpus = f" and {machine.gpus} × {source.gpu}" if machine.gpus else ""
    about = f"about {duration(found.wall_seconds)} on {machine.cores} cores{gpus}"
    console.print(f"{config.benchmark}: {about}, from {source.title}", markup=False, soft_wrap=True)
    console.print(_rules(found))
    for line in (*_lines(found), _trainings(config, source)):
        console.print(line, soft_wrap=True, markup=False)


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
    total = device_time(found.core_seconds - found.gpu_seconds, "CPU")
    if found.machine.gpus:
        total = f"{device_time(found.gpu_seconds, 'GPU')} and {total} beside them"
    busy = found.core_seconds / (found.wall_seconds * found.machine.cores)
    yield f"In all: {total}; cores are busy for {busy:.0%} of the time."
    busiest = max(found.rules, key=lambda rule: rule.seconds)
    yield f"Bottleneck: {busiest.rule}, {busiest.seconds / found.core_seconds:.0%} of all core time."
    chain = " → ".join(dict.fromkeys(job.rule for job in found.path))
    yield f"The longest chain takes {duration(found.path_seconds)} on any number of cores: {chain}."
    if not found.scaled:  # how memory grows with size is unknown
        yield f"Memory of jobs side by side: {found.peak_memory / 1024:.1f} GiB at most."
    yield f"Disk: {_disk(found)}."
    if unknown := [rule.rule for rule in found.rules if rule.scale is None]:
        yield f"Not counted, because nothing similar was measured: {', '.join(unknown)}."
    scaled = [rule for rule in found.rules if rule.rule in found.scaled]
    if wider := [rule.rule for rule in scaled if rule.widened > 1]:
        yield (
            f"Scaled by pixels and squared widths, which can be wrong by several times: {', '.join(wider)}. "
            "--measure measures at this config's widths."
        )
    if larger := [f"{rule.rule} (up to {rule.factor:.3g} times)" for rule in scaled if rule.widened == 1]:
        yield (
            "Extrapolated from the measured widths in proportion to the pixels of a batch or slice: "
            f"{', '.join(larger)}."
        )
    yield "Downloads and time in a cluster's queue are not included."


def _trainings(config: BenchmarkConfig, source: Source) -> str:
    """Memory of the largest trainings by the formula of the rules, and whether it is there."""
    sizes, judge = [dataset_size(name) for name in config.datasets], config.judges.autoencoder
    crops = max((crops_of(config, size) for size in sizes), key=lambda crops: prod(crops.crop) * crops.batch_size)
    shape = max((autoencoder_shape(config, size) for size in sizes), key=prod)
    needed = {
        f"a method ({_images(crops.batch_size, crops.crop)} of each scanner)": resources.training(
            config.training.width, crops.crop, crops.batch_size
        ),
        f"an autoencoder ({_images(judge.batch_size, shape)}{', recomputed' * judge.recompute})": resources.autoencoder(
            judge.width, shape, judge.batch_size, recompute=judge.recompute
        ),
    }
    listed = ", ".join(f"{name} {megabytes / 1000:.1f} GB" for name, megabytes in needed.items())
    where = f"{source.memory:.1f} GB of {source.gpu or 'the machine'}" if source.memory else ""
    fits = max(needed.values()) / 1000 <= source.memory if source.memory else None
    verdict = {True: f" Each fits in the {where}.", False: f" Not all fit in the {where}.", None: ""}[fits]
    return f"Memory of trainings, at most, by a formula fitted on processors, not on GPUs: {listed}.{verdict}"


def _images(batch: int, shape: tuple[int, int]) -> str:
    return f"{batch} images of {shape[0]} × {shape[1]}"


def _disk(found: Prediction) -> str:
    known = sum(size for size in found.raw.values() if size is not None)
    unknown = [name for name, size in found.raw.items() if size is None]
    archives = f"archives {_size(known)}" + (f" and {', '.join(unknown)}, unknown" if unknown else "")
    others = [rule.rule for rule in found.rules if rule.rule not in PREPARED]
    return f"{archives}; prepared {_size(found.size(*PREPARED))}; results {_size(found.size(*others))}"


def _size(number: float) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
