"""Entry points of the Snakemake rules. One command is one rule; each imports only what it runs."""

import importlib
import logging
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from benchmark.cli.errors import reported_errors
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import check, read_yaml
from benchmark.runtime import paths
from benchmark.runtime.devices import gpus, hide_gpus, take_gpu
from benchmark.runtime.errors import ConfigError
from benchmark.runtime.processor import use_portable_kernels
from benchmark.runtime.supervision import supervise

app = typer.Typer(help="Entry points of the Snakemake rules.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Argument(help="the resolved config, results/<benchmark>/config.json")]
Gpu = Annotated[int | None, typer.Option(min=0, max=1, help="GPUs of the job; without, one where there is any")]


@app.callback()
def begin() -> None:
    """Entry points of the Snakemake rules."""
    # What the benchmark itself has to say goes to the rule's log, and of libraries warnings only.
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("benchmark").setLevel(logging.INFO)


def _take_gpu(asked: int | None) -> None:
    """Takes a GPU for this process alone, or shows it none."""
    if len(gpus()) if asked is None else asked:
        take_gpu()
    else:
        hide_gpus()


def _run(function: str, *arguments: Any, uses: Iterable[str] = (), started: float | None = None) -> None:
    """Calls ``module:function`` and prints how long the process took to start and how long it worked.

    ``benchmark.reporting.timings`` reads that line from the rule's log.

    Args:
        uses: modules that the function will load, whose loading is start-up too.
        started: moment of ``time.monotonic`` at which the job began; by default with this process.
    """
    started = _start() if started is None else started
    module, name = function.split(":")
    for used in uses:
        importlib.import_module(used)
    work = getattr(importlib.import_module(module), name)
    begun = time.monotonic()
    work(*arguments)
    print(f"start-up {begun - started:.2f} s, work {time.monotonic() - begun:.2f} s", flush=True)


def _run_method(function: str, config: BenchmarkConfig, cell: paths.Cell, minutes: float, *uses: str) -> None:
    """Does with a cell what :func:`_run` does, in a process of its own, and ends as that did.

    A method that crashes, ends its process or exceeds the limit fails alone: the function is called again, here, with
    the reason, to write down that the cell failed. A crash outside of every method's code ends the job.
    """
    started = _start()

    def work() -> None:
        with reported_errors():
            _run(function, config, cell, uses=uses, started=started)

    ended = supervise(work, minutes * 60)
    if not ended.fault or (ended.files and not _in_method(ended.files)):
        sys.exit(ended.code)
    _run(function, config, cell, ended.fault, started=started)


def _in_method(files: Iterable[Path]) -> bool:
    from benchmark.methods.isolation import in_method

    return in_method(files)


def _start() -> float:
    """Moment of ``time.monotonic`` at which this process was started."""
    if sys.platform != "linux":
        age = time.time() - psutil.Process().create_time()
    else:
        # There, psutil adds a boot time in whole seconds. Field 22 of stat counts clock ticks since boot; the name in
        # parentheses before it may hold spaces.
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.monotonic() - age


def _config(path: Path) -> BenchmarkConfig:
    """The config; from here on this process computes with the kernels that it asks for."""
    config = check(BenchmarkConfig, read_yaml(path), path)
    if config.kernels == "portable":
        use_portable_kernels()
    return config


def _judged(path: Path, dataset: str, pair: str, fold: int) -> BenchmarkConfig:
    """The config, which asks for this dataset, pair and fold."""
    from benchmark.config.cells import judged

    config = _config(path)
    if (dataset, pair, fold) not in judged(config):
        raise _not_asked_for(path, f"fold {fold} of {pair} of {dataset}")
    return config


def _not_asked_for(path: Path, what: str) -> ConfigError:
    return ConfigError(path, f"does not ask for {what}", "Name a target that the benchmark asks for")


@app.command()
def fetch(dataset: str) -> None:
    """Make an archive present and verified."""
    _run("benchmark.archives.retrieval.fetch:fetch", dataset)


@app.command()
def inventory(dataset: str) -> None:
    """List the subjects of an archive."""
    _run("benchmark.archives.inventory:take_inventory", dataset)


@app.command()
def split(dataset: str, pair: str) -> None:
    """Divide the subjects of a pair into training and test."""
    _run("benchmark.archives.inventory:split_subjects", dataset, pair)


@app.command()
def prepare(dataset: str, subject: str) -> None:
    """Prepare one subject."""
    _run("benchmark.preparation.prepare:prepare_subject", dataset, subject)


@app.command()
def collect(dataset: str) -> None:
    """Collect all prepared subjects in the slice store."""
    _run("benchmark.preparation.collect:collect", dataset)


@app.command()
def inspect(dataset: str, jobs: Annotated[int, typer.Argument(min=1, help="sheets drawn at a time")] = 1) -> None:
    """Draw a sheet of each prepared subject, and flag what is odd."""
    _run("benchmark.reporting.quality.report:make_quality", dataset, jobs, uses=["benchmark.reporting.quality.sheet"])


@app.command()
def segmentor(config: ConfigFile, dataset: str, domain: str, fold: int, gpu: Gpu = None) -> None:
    """Train the post-hoc segmentor of one domain and fold."""
    from benchmark.config.cells import judged

    settings = _config(config)
    if not any((d, f) == (dataset, fold) and domain in pair.split("-") for d, pair, f in judged(settings)):
        raise _not_asked_for(config, f"fold {fold} of {domain} of {dataset}")
    _take_gpu(gpu)
    _run("benchmark.judges.segmentor:train_segmentor", settings, dataset, domain, fold)


@app.command()
def autoencoder(config: ConfigFile, dataset: str, pair: str, fold: int, gpu: Gpu = None) -> None:
    """Train the multitask autoencoder of one pair and fold."""
    settings = _judged(config, dataset, pair, fold)
    _take_gpu(gpu)
    _run("benchmark.judges.autoencoder:train_autoencoder", settings, dataset, pair, fold)


def _cell(path: Path, dataset: str, pair: str, fold: int, method: str, seed: int) -> tuple[BenchmarkConfig, paths.Cell]:
    from benchmark.config.cells import cells_of

    config = _judged(path, dataset, pair, fold)
    found = next((c for c in cells_of(config, dataset, pair, fold) if (c.method, c.seed) == (method, seed)), None)
    if found is None:
        raise _not_asked_for(path, f"method {method} with the seed {seed}")
    return config, found


@app.command()
def train(config: ConfigFile, dataset: str, pair: str, fold: int, method: str, seed: int, gpu: Gpu = None) -> None:
    """Train one cell."""
    settings, cell = _cell(config, dataset, pair, fold, method, seed)
    _take_gpu(gpu)
    _run_method("benchmark.pipeline.training:train_cell", settings, cell, settings.limits.train_minutes)


@app.command()
def harmonize(config: ConfigFile, dataset: str, pair: str, fold: int, method: str, seed: int, gpu: Gpu = None) -> None:
    """Harmonize the test slices of one cell."""
    settings, cell = _cell(config, dataset, pair, fold, method, seed)
    _take_gpu(gpu)
    uses = ["torch"] if cell.run.is_file() else []  # it was trained
    limit = settings.limits.harmonize_minutes
    _run_method("benchmark.pipeline.harmonization:harmonize_cell", settings, cell, limit, *uses)


@app.command()
def reference(config: ConfigFile, dataset: str, pair: str, fold: int, gpu: Gpu = None) -> None:
    """Judge the real test images of one pair and fold."""
    settings = _judged(config, dataset, pair, fold)
    _take_gpu(gpu)
    uses = ["benchmark.judges.features"]
    _run("benchmark.pipeline.real_images:judge_real_images", settings, dataset, pair, fold, uses=uses)


@app.command()
def score(config: ConfigFile, dataset: str, pair: str, fold: int, method: str, seed: int, gpu: Gpu = None) -> None:
    """Score one cell."""
    from benchmark.results.provenance import read_provenance

    settings, cell = _cell(config, dataset, pair, fold, method, seed)
    _take_gpu(gpu)
    uses = ["torch"] if read_provenance(cell.harmonize_run)["status"] == "ok" else []
    _run_method("benchmark.pipeline.scoring:score_cell", settings, cell, settings.limits.score_minutes, *uses)


@app.command()
def gather(config: ConfigFile) -> None:
    """Put all scores together and make the leaderboard."""
    _run("benchmark.pipeline.leaderboard:gather", _config(config))


@app.command()
def tables(config: ConfigFile) -> None:
    """Render the tables."""
    _run("benchmark.reporting.tables:make_tables", _config(config))


@app.command()
def figures(config: ConfigFile) -> None:
    """Render the figures."""
    _run("benchmark.reporting.figures:make_figures", _config(config))


@app.command()
def page(config: ConfigFile) -> None:
    """Render the page that shows everything."""
    _run("benchmark.reporting.page:make_page", _config(config))
