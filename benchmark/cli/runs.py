"""``hbench plan`` and ``hbench watch``: the cost of a run before it starts, and its progress."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import check, load_dataset, read_yaml
from benchmark.pipeline.resolve import load_benchmark
from benchmark.runtime import paths
from benchmark.runtime.errors import ConfigError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from benchmark.monitoring.plan.sources import Source
    from benchmark.monitoring.watch.status import JobStatus

EVERY = 2.0
"""Seconds between two frames, at least."""
_REST = 10  # times as long as reading took, so that a slow file server is not kept busy
_FILE_WIDTH = 120  # columns, if the output is not a terminal

Config = Annotated[str, typer.Argument(help="a config such as config/demo.yaml, or the name of a run such as demo")]


def found_config(given: str) -> BenchmarkConfig:
    """The config in a file, or the config that the run of that name was started with.

    Raises:
        ConfigError: there is neither.
    """
    path = Path(given)
    if path.suffix in (".yaml", ".yml"):
        return load_benchmark(path)
    path = paths.resolved(given)
    if not path.is_file():
        runs = f", or a run: {_runs()}" if _runs() else ", such as config/demo.yaml; there is no run yet"
        raise ConfigError(given, "is no run in results/", f"Name a config file{runs}")
    return check(BenchmarkConfig, read_yaml(path), path)


def _runs() -> str:
    return ", ".join(sorted(path.parent.name for path in paths.RESULTS.glob("*/config.json")))


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _FILE_WIDTH, highlight=False, markup=False, emoji=False)


def watch(
    config: Config,
    once: Annotated[bool, typer.Option("--once", help="print one frame and end")] = False,
    tensorboard: Annotated[
        Path | None, typer.Option(help="folder for event files of all trainings; needs the package tensorboard")
    ] = None,
) -> None:
    """Show a run while it runs, from its files alone: jobs, losses, failures, the time that is left. Ctrl-C ends it."""
    settings = found_config(config)
    read, console = _reader(settings, tensorboard), _console()
    try:
        if once:
            _print(console, settings.benchmark, read())
        elif console.is_terminal:
            _live(console, settings.benchmark, read)
        else:
            _on_change(console, settings.benchmark, read)
    except KeyboardInterrupt:
        pass  # ends this command and not the run, which is another process


def _reader(config: BenchmarkConfig, tensorboard: Path | None) -> "Callable[[], list[JobStatus]]":
    """A function that reads the state of all jobs, including subjects that became known meanwhile."""
    from benchmark.monitoring.plan.dataset_size import expected_subjects
    from benchmark.monitoring.watch.status import statuses
    from benchmark.pipeline.jobs import jobs_of

    datasets = [load_dataset(name) for name in config.datasets]
    events = None
    if tensorboard:
        from benchmark.monitoring.watch.events import EventFiles

        events = EventFiles(tensorboard, config.benchmark)

    def read() -> "list[JobStatus]":
        jobs = jobs_of(config, {dataset.name: list(expected_subjects(dataset)) for dataset in datasets})
        if events:
            events.update(jobs)
        return statuses(config.benchmark, jobs, time.time())

    return read


def _print(console: "Console", benchmark: str, jobs: "list[JobStatus]") -> None:
    from benchmark.monitoring.watch.view import frame

    console.print(frame(benchmark, jobs))


def _live(console: "Console", benchmark: str, read: "Callable[[], list[JobStatus]]") -> None:
    from rich.live import Live

    from benchmark.monitoring.watch.view import frame

    with Live(console=console, auto_refresh=False) as live:
        for jobs in _until_done(read):
            live.update(frame(benchmark, jobs, brief=True), refresh=True)


def _on_change(console: "Console", benchmark: str, read: "Callable[[], list[JobStatus]]") -> None:
    """Prints a frame whenever the state of a job changes."""
    shown = None
    for jobs in _until_done(read):
        states = {status.job.key: status.state for status in jobs}
        if states != shown:
            _print(console, benchmark, jobs)
            shown = states


def _until_done(read: "Callable[[], list[JobStatus]]") -> "Iterator[list[JobStatus]]":
    read()  # imports the methods, whose time must not count below
    while True:
        begun = time.monotonic()
        jobs = read()
        took = time.monotonic() - begun
        yield jobs
        if all(status.state == "done" for status in jobs):
            return
        time.sleep(max(EVERY, _REST * took))


def plan(
    config: Config,
    cores: Annotated[int | None, typer.Option(min=1, help="of the machine; by default all of this one")] = None,
    gpus: Annotated[int, typer.Option(min=0, help="of the machine")] = 0,
    memory: Annotated[float | None, typer.Option(min=0.1, help="GB that jobs may take together")] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="name of a finished run, or a file that --save wrote")
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="measure a miniature of the config, now and here")] = False,
    save: Annotated[Path | None, typer.Option(help="file that keeps the measurements")] = None,
) -> None:
    """Predict the cost of a config from measured times: hours, memory, disk, and the bottleneck."""
    from benchmark.monitoring.plan.prediction import EXTRAPOLATED, predict
    from benchmark.monitoring.plan.report import print_prediction
    from benchmark.monitoring.schedule import Machine

    settings = found_config(config)
    measured = _measurements(settings, source, measure, save)
    if bool(measured.gpu) != bool(gpus):
        fault = f"is {gpus}, but the times are of a machine {'with' if measured.gpu else 'without'} a GPU"
        raise UserError("--gpus", fault, "Take times of the kind of machine that you plan for")
    machine = Machine(cores or len(os.sched_getaffinity(0)), gpus, memory * 1e9 / 2**20 if memory else None)
    found = predict(settings, measured.measurements, machine)
    if not found.core_seconds:
        fault = f"holds no time of any job of {settings.benchmark}"
        raise UserError(source or measured.title, fault, "Measure with --measure")
    if guessed := [rule for rule in found.rules if rule.widened > EXTRAPOLATED]:
        factor, names = max(rule.widened for rule in guessed), ", ".join(rule.rule for rule in guessed)
        differ = f"squared widths of networks differ up to {factor:.0f} times ({names})"
        fault = f"says nothing of {settings.benchmark}: {differ}"
        raise UserError(measured.title, fault, "Measure with --measure, or name a run of about the same widths")
    if memory and found.scaled:
        fault = f"cannot be planned with: memory was not measured at this size of {', '.join(found.scaled)}"
        raise UserError("--memory", fault, "Measure with --measure")
    print_prediction(_console(), settings, measured, found)


def _measurements(config: BenchmarkConfig, source: str | None, measure: bool, save: Path | None) -> "Source":
    from benchmark.monitoring.plan import sources

    if measure == (source is not None):
        raise UserError("hbench plan", "takes either --from or --measure", "Name a finished run, or measure")
    if source is None:
        found = sources.measure(config, lambda job: print(f"measuring {job}", file=sys.stderr, flush=True))
    else:
        found = _from_file_or_run(source)
    if save:
        found.save(save)
    return found


def _from_file_or_run(source: str) -> "Source":
    """Measurements of a file or a run; a config file stands for the run of its name."""
    from benchmark.monitoring.plan import sources

    path = Path(source)
    if path.suffix == ".json":
        return sources.load(path)
    if path.suffix in (".yaml", ".yml") or paths.resolved(source).is_file():
        return sources.from_run(found_config(source))
    if path.is_file():
        return sources.load(path)
    runs = f"Name one of {_runs()}" if _runs() else "There is none yet: run it first, or measure with --measure"
    raise UserError(source, "is neither a run in results/ nor a file that --save wrote", runs)
