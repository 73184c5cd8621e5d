"""Measures jobs on this machine: a miniature of the benchmark with a few steps of each training on random slices.

Widths, crops and batches are the config's, and each job is a process, as in a real run. Without a GPU, a job's time is
CPU time, so that other load on the machine hardly matters.

Where a step would take too long without a GPU, as at the paper's size, networks of the config's widths see smaller
crops, one at a time, of one dataset, and smaller slices. Preparation and reports are then not measured.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import yaml

from benchmark.config.base import Schedule
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import Crops, DatasetConfig, OCTPreparation
from benchmark.config.load import load_dataset
from benchmark.monitoring.plan.dataset_size import DatasetSize, dataset_size
from benchmark.monitoring.plan.measurement import Measurement, divide_training, measurement, size_of
from benchmark.monitoring.plan.synthetic import synthesize
from benchmark.monitoring.plan.work import unit
from benchmark.monitoring.training_log import tail
from benchmark.pipeline.jobs import OF_CELL, TRAININGS, Job, jobs_of
from benchmark.reporting.timings import start_up
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.devices import gpus
from benchmark.runtime.errors import UserError
from benchmark.runtime.paths import ROOT

STEPS = (3, 20)
"""Least and most steps of a training; the first step is slow and does not count."""
SMALL = (64, 64)
"""Crops and slices where a step at the config's size would take too long."""
_TOO_LONG = 4e7  # size of a unit of work above which a step takes many seconds on a core
_SMALL_RULES = (*TRAININGS, "harmonize", "reference", "score")
_MUCH = 1e7  # above this size of all units together, trainings get fewer than the most steps
_INTERVAL = 0.05  # seconds between two readings of a process's memory
_NO_MEMORY = (os.EX_TEMPFAIL, -signal.SIGKILL, 128 + signal.SIGKILL)  # exit codes
_LINKED = ("config", "methods", "workflow", "reports/templates", "data/sources")


def miniature(config: BenchmarkConfig, folder: Path, announce: Callable[[str], None]) -> Iterator[Measurement]:
    """Runs the jobs one after the other below an empty folder, and yields each one's measurement.

    Args:
        announce: called with each job's name before it runs.

    Raises:
        UserError: a job failed.
    """
    datasets = {name: load_dataset(name) for name in config.datasets}
    small = needs_smaller(config)
    if small:
        config, datasets = _smaller(config, datasets)
        for dataset in datasets.values():
            content = yaml.safe_dump(dataset.model_dump(mode="json", exclude={"name"}))
            write_atomically(folder / paths.DATASET_CONFIG / f"{dataset.name}.yaml", content)
    for name in _LINKED[small:]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(Path(name).absolute())
    sizes, took = {}, {}
    for name, dataset in datasets.items():
        begun = time.process_time()
        sizes[name] = synthesize(dataset, folder)
        took[name] = time.process_time() - begun
    brief = _brief(config, sizes)
    resolved = folder / paths.resolved(config.benchmark)
    resolved.parent.mkdir(parents=True)
    resolved.write_text(brief.model_dump_json(), encoding="utf-8")
    for job in jobs_of(brief, {name: list(size.subjects) for name, size in sizes.items()}):
        if job.rule == "collect":
            size = size_of([folder / path for path in job.makes])
            yield measurement(brief, job, sizes, seconds=(0.0, took[job.dataset]), memory=0.0, size=size)
        arguments = _step(job)
        if arguments and (not small or job.rule in _SMALL_RULES):
            announce(" ".join(job.key))
            yield _measure(brief, job, sizes, folder, arguments)


def needs_smaller(config: BenchmarkConfig) -> bool:
    """Whether a training step of the config's size would take too long here."""
    if gpus():
        return False
    sizes = {name: dataset_size(name) for name in config.datasets}
    jobs = jobs_of(config, {name: list(size.subjects) for name, size in sizes.items()})
    return max(unit(config, job, sizes) for job in jobs if job.rule in TRAININGS) > _TOO_LONG


def _smaller(
    config: BenchmarkConfig, datasets: Mapping[str, DatasetConfig]
) -> tuple[BenchmarkConfig, dict[str, DatasetConfig]]:
    """The config with batches of one crop (two for the autoencoder), one method that learns nothing, and the first of
    the datasets to which most methods apply, with one small slice a subject."""

    def applicable(dataset: DatasetConfig) -> int:
        return sum(card.not_applicable.get(dataset.label_kind) is None for card in config.cards.values())

    chosen = max(datasets.values(), key=applicable)
    kept = chosen.preparation
    if isinstance(kept, OCTPreparation):
        kept = kept.model_copy(update={"grid_size": SMALL, "b_scans": 1})
    else:
        low = kept.slice_range[0]
        kept = kept.model_copy(update={"grid_size": SMALL, "slice_range": (low, low + kept.grid_spacing / 2)})
    crops = Crops(crop=SMALL, batch_size=1)
    dataset = chosen.model_copy(update={"preparation": kept, "training": crops})
    others = [name for name, card in config.cards.items() if card.kind != "learned"][1:]
    use = config.datasets[chosen.name].model_copy(update={"training": crops})
    judges = config.judges.model_copy(
        update={
            name: getattr(config.judges, name).model_copy(update={"batch_size": batch})
            for name, batch in (("autoencoder", 2), ("segmentor", 1))
        }
    )
    methods = {name: options for name, options in config.methods.items() if name not in others}
    changes = {"datasets": {chosen.name: use}, "judges": judges, "methods": methods}
    return config.model_copy(update=changes), {chosen.name: dataset}


def _brief(config: BenchmarkConfig, sizes: Mapping[str, DatasetSize]) -> BenchmarkConfig:
    """One pair, fold and seed of each dataset, and few steps."""
    uses = {
        name: use.model_copy(update={"pairs": (use.pairs or sizes[name].dataset.pairs)[:1], "folds": (0,)})
        for name, use in config.datasets.items()
    }
    one = config.model_copy(update={"datasets": uses, "seeds": config.seeds[:1], "checkpoint_every": 10**9})
    jobs = jobs_of(one, {name: list(size.subjects) for name, size in sizes.items()})
    largest = max(unit(one, job, sizes) for job in jobs if job.rule in TRAININGS)
    count = round(min(max(_MUCH / largest, STEPS[0]), STEPS[1]))
    few = Schedule(unit="steps", constant=count, decay=0)
    judges = config.judges.model_copy(
        update={name: getattr(config.judges, name).model_copy(update={"schedule": few}) for name in TRAININGS[1:]}
    )
    return one.model_copy(update={"training": config.training.model_copy(update={"schedule": few}), "judges": judges})


def _step(job: Job) -> list[str]:
    """Arguments of the job's command; none for jobs that are measured on an archive."""
    if not job.dataset:
        return [job.rule]
    if job.fold is None:
        return []
    cell = [job.cells[0].method, str(job.cells[0].seed)] if job.rule in OF_CELL else []
    return [job.rule, job.dataset, job.domain or job.pair, str(job.fold), *cell]


def _measure(
    config: BenchmarkConfig, job: Job, sizes: Mapping[str, DatasetSize], folder: Path, arguments: list[str]
) -> Measurement:
    log = folder / job.log(config.benchmark)
    log.parent.mkdir(parents=True, exist_ok=True)
    resolved = str(paths.resolved(config.benchmark))
    command = [sys.executable, "-m", "benchmark", "step", arguments[0], resolved, *arguments[1:]]
    wall, processor, memory = timed(command, folder, log)
    beginning = start_up(folder / paths.LOGS / config.benchmark, job.rule, job.name)
    share = 1.0 if gpus() else min(1.0, processor / wall)
    work = max(wall - beginning, 0.0)
    if job.rule in TRAININGS:
        beginning, work = divide_training(log, beginning, work)
    size = size_of([folder / path for path in job.makes])
    return measurement(config, job, sizes, seconds=(beginning * share, work * share), memory=memory, size=size)


def timed(command: list[str], folder: Path, log: Path) -> tuple[float, float, float]:
    """Runs a command as a rule does.

    Returns:
        Wall seconds, CPU seconds and peak memory in MiB.

    Raises:
        UserError: the command failed.
    """
    threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    with log.open("w", encoding="utf-8") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **threads}, stdout=output, stderr=output)
        ended, memory = 0, 0.0
        while not ended:
            # wait4's ru_maxrss would include this process's memory, from before the fork's exec.
            memory = max(memory, _resident(process.pid))
            time.sleep(_INTERVAL)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if code := process.returncode:
        last_line = tail(log).rstrip().rpartition("\n")[2]
        remedy = "Take a machine with more memory, or a smaller batch" if code in _NO_MEMORY else "Correct that"
        fault = f"failed while it was measured (exit code {code}): {last_line}"
        raise UserError(" ".join(command[3:]), fault, remedy)
    return wall, used.ru_utime + used.ru_stime, memory


def _resident(process: int) -> float:
    """Resident memory in MiB of a process that has not been waited for, and its children; 0 once it has ended."""
    try:
        family = (psutil.Process(process), *psutil.Process(process).children(recursive=True))
        return sum(each.memory_info().rss for each in family) / 2**20
    except psutil.Error:
        return 0.0
