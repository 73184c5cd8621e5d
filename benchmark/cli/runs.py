"""``hbench plan`` and ``hbench watch``: a run, before it is run and while it runs."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import check, load_dataset, read_yaml
from benchmark.runtime import paths
from benchmark.runtime.errors import ConfigError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from benchmark.monitoring.plan.sources import Source
    from benchmark.monitoring.watch.states import Seen

EVERY = 2.0
"""Seconds from one look to the next; more where a look takes long, so that no file server is kept busy."""
_REST = 10  # of the times that a look took
_FILE_WIDTH = 120  # columns, where the output is no terminal

Config = Annotated[str, typer.Argument(help="a config such as config/demo.yaml, or the name of a run such as demo")]


def found_config(given: str) -> BenchmarkConfig:
    """The config of that file, or the one that the run of that name was started with.

    Raises:
        ConfigError: there is neither.
    """
    path = Path(given)
    if path.suffix not in (".yaml", ".yml"):
        path = _started_with(given)
        if not path.is_file():
            runs = f", or a run: {_runs()}" if _runs() else ", such as config/demo.yaml; there is no run yet"
            raise ConfigError(given, "is no run in results/", f"Name a config file{runs}")
    return check(BenchmarkConfig, read_yaml(path), path)


def _started_with(run: str) -> Path:
    return paths.benchmark_root(run) / "config.json"


def _runs() -> str:
    return ", ".join(sorted(path.parent.name for path in paths.RESULTS.glob("*/config.json")))


def watch(
    config: Config,
    once: Annotated[bool, typer.Option("--once", help="print one frame and end")] = False,
    tensorboard: Annotated[
        Path | None, typer.Option(help="folder for event files of all trainings; needs the package tensorboard")
    ] = None,
) -> None:
    """Show a run while it runs, from its files alone: jobs, losses, failures, the time that is left. Ctrl-C ends it."""
    from rich.console import Console

    settings = found_config(config)
    looks = _looks(settings, tensorboard)
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH, highlight=False)
    try:
        if once:
            _print(console, settings.benchmark, looks())
        elif console.is_terminal:
            _live(console, settings.benchmark, looks)
        else:
            _on_change(console, settings.benchmark, looks)
    except KeyboardInterrupt:
        pass  # the watcher's own end; the run is another process


def _looks(config: BenchmarkConfig, tensorboard: Path | None) -> "Callable[[], list[Seen]]":
    """What looks at the run again, and at subjects that became known meanwhile."""
    from benchmark.monitoring.plan.subjects import expected_subjects
    from benchmark.monitoring.watch.states import look
    from benchmark.pipeline.jobs import jobs_of

    datasets = [load_dataset(name) for name in config.datasets]
    write = None
    if tensorboard:
        from benchmark.monitoring.watch.events import EventFiles

        write = EventFiles(tensorboard, config.benchmark)

    def seen() -> "list[Seen]":
        jobs = jobs_of(config, {dataset.name: list(expected_subjects(dataset)) for dataset in datasets})
        if write:
            write.update(jobs)
        return look(config.benchmark, jobs, time.time())

    return seen


def _print(console: "Console", benchmark: str, seen: "list[Seen]") -> None:
    from benchmark.monitoring.watch.view import frame

    console.print(frame(benchmark, seen))


def _live(console: "Console", benchmark: str, looks: "Callable[[], list[Seen]]") -> None:
    from rich.live import Live

    from benchmark.monitoring.watch.view import frame

    with Live(console=console, auto_refresh=False) as live:
        for seen in _again(looks):
            live.update(frame(benchmark, seen, brief=True), refresh=True)


def _on_change(console: "Console", benchmark: str, looks: "Callable[[], list[Seen]]") -> None:
    """A frame whenever a job's state is another than it was."""
    shown = None
    for seen in _again(looks):
        states = {one.job.key: one.state for one in seen}
        if states != shown:
            _print(console, benchmark, seen)
            shown = states


def _again(looks: "Callable[[], list[Seen]]") -> "Iterator[list[Seen]]":
    """Looks until all is done."""
    looks()  # it loads the methods, which must not count as the time that a look takes
    while True:
        begun = time.monotonic()
        seen = looks()
        took = time.monotonic() - begun
        yield seen
        if all(one.state == "done" for one in seen):
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
    save: Annotated[Path | None, typer.Option(help="file that keeps what was measured")] = None,
) -> None:
    """Say what a config will take, from measured times: hours, memory, disk, and what is the bottleneck."""
    from rich.console import Console

    from benchmark.monitoring.plan.prediction import predict
    from benchmark.monitoring.plan.report import print_prediction
    from benchmark.monitoring.plan.schedule import Machine

    settings = found_config(config)
    measured = _measurements(settings, source, measure, save)
    if measured.gpu != bool(gpus):
        fault = f"is {gpus}, and the times are of a machine {'with' if measured.gpu else 'without'} a GPU"
        raise UserError("--gpus", fault, "Take times of a machine of the kind that is planned for")
    machine = Machine(cores or len(os.sched_getaffinity(0)), gpus, memory * 1e9 / 2**20 if memory else None)
    found = predict(settings, measured.measurements, machine)
    if not found.core_seconds:
        fault = f"holds no time of any job of {settings.benchmark}"
        raise UserError(source or measured.title, fault, "Measure with --measure")
    if memory and found.scaled:
        fault = f"cannot be planned with: memory was not measured at this size of {', '.join(found.scaled)}"
        raise UserError("--memory", fault, "Measure with --measure")
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH, highlight=False)
    print_prediction(console, settings.benchmark, measured.title, found)


def _measurements(config: BenchmarkConfig, source: str | None, measure: bool, save: Path | None) -> "Source":
    from benchmark.monitoring.plan import sources

    if measure == (source is not None):
        raise UserError("hbench plan", "takes --from or --measure, one of them", "Name a finished run, or measure")
    if source is None:
        return sources.of_this_machine(config, lambda job: print(f"measuring {job}", file=sys.stderr, flush=True), save)
    found = _kept_or_of_run(source)
    if save:
        found.keep(save)
    return found


def _kept_or_of_run(source: str) -> "Source":
    """A config file stands for the run of its name."""
    from benchmark.monitoring.plan import sources

    path = Path(source)
    if path.suffix == ".json":
        return sources.kept(path)
    if path.suffix in (".yaml", ".yml") or _started_with(source).is_file():
        return sources.of_run(found_config(source))
    if path.is_file():
        return sources.kept(path)
    runs = f"Name one of {_runs()}" if _runs() else "There is none yet: run it first, or measure with --measure"
    raise UserError(source, "is neither a run in results/ nor a file that --save wrote", runs)
