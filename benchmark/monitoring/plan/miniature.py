"""What jobs take on this machine, measured: a miniature of the benchmark, a few steps of each training on slices that
nobody scanned, at the config's widths, crops and batches, each job a process as in the real run.

A job's time is that of the processor where there is no GPU, so that others on the machine count little.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from benchmark.config.base import Schedule
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import load_dataset
from benchmark.monitoring.plan.extent import Extent
from benchmark.monitoring.plan.measured import Measured, measured, of_steps, size_of
from benchmark.monitoring.plan.synthetic import synthesize
from benchmark.monitoring.plan.work import unit
from benchmark.monitoring.watch.progress import tail
from benchmark.pipeline.jobs import TRAININGS, Job, jobs_of
from benchmark.reporting.timings import start_up
from benchmark.runtime import paths
from benchmark.runtime.devices import gpus
from benchmark.runtime.errors import UserError
from benchmark.runtime.paths import ROOT

STEPS = (3, 20)
"""At least and at most, of each training; the first step, which is slow, does not count."""
_MUCH = 1e7  # size of all units together above which there are fewer steps than the most
_LOOK = 0.05  # seconds from one look at a process's memory to the next
_LESS = "Take a machine with more memory, or a smaller batch"
_LINKED = ("config", "methods", "workflow", "reports/templates", "data/sources")


def miniature(config: BenchmarkConfig, folder: Path, tell: Callable[[str], None]) -> Iterator[Measured]:
    """Runs it below an empty folder, one job after the other, and gives each one's measurement when it is done.

    Args:
        tell: is told of each job before it runs.

    Raises:
        UserError: a job failed.
    """
    for name in _LINKED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(Path(name).absolute())
    extents, took = {}, {}
    for name in config.datasets:
        begun = time.process_time()
        extents[name] = synthesize(load_dataset(name), folder)
        took[name] = time.process_time() - begun
    small = _small(config, extents)
    resolved = folder / paths.benchmark_root(config.benchmark) / "config.json"
    resolved.parent.mkdir(parents=True)
    resolved.write_text(small.model_dump_json(), encoding="utf-8")
    jobs = jobs_of(small, {name: list(extent.subjects) for name, extent in extents.items()})
    for job in jobs:
        if job.rule == "collect":
            size = size_of([folder / path for path in job.makes])
            seconds = (0.0, took[job.dataset])
            yield measured(small, job, extents, seconds=seconds, memory=0.0, size=size)
        if arguments := _step(small, job):
            tell(" ".join(job.key))
            yield _measure(small, job, extents, folder, arguments)


def _small(config: BenchmarkConfig, extents: Mapping[str, Extent]) -> BenchmarkConfig:
    """One pair, fold and seed of each dataset, and few steps."""
    uses = {
        name: use.model_copy(update={"pairs": (use.pairs or extents[name].dataset.pairs)[:1], "folds": (0,)})
        for name, use in config.datasets.items()
    }
    one = config.model_copy(update={"datasets": uses, "seeds": config.seeds[:1], "checkpoint_every": 10**9})
    jobs = jobs_of(one, {name: list(extent.subjects) for name, extent in extents.items()})
    largest = max(unit(one, job, extents) for job in jobs if job.rule in TRAININGS)
    count = round(min(max(_MUCH / largest, STEPS[0]), STEPS[1]))
    few = Schedule(unit="steps", constant=count, decay=0)
    judges = config.judges.model_copy(
        update={name: getattr(config.judges, name).model_copy(update={"schedule": few}) for name in TRAININGS[1:]}
    )
    return one.model_copy(update={"training": config.training.model_copy(update={"schedule": few}), "judges": judges})


def _step(config: BenchmarkConfig, job: Job) -> list[str]:
    """Arguments of the job's command; none for what is measured on an archive."""
    if not job.dataset:
        return [job.rule]
    if job.rule == "segmentor":
        return [job.rule, job.dataset, job.domain, str(job.fold)]
    if job.rule in ("train", "harmonize"):
        return [job.rule, job.dataset, job.pair, str(job.fold), job.cells[0].method, str(job.cells[0].seed)]
    if job.fold is not None:
        return [job.rule.replace("_", "-"), job.dataset, job.pair, str(job.fold)]
    return []


def _measure(
    config: BenchmarkConfig, job: Job, extents: Mapping[str, Extent], folder: Path, arguments: list[str]
) -> Measured:
    log = folder / job.log(config.benchmark)
    log.parent.mkdir(parents=True, exist_ok=True)
    resolved = str(paths.benchmark_root(config.benchmark) / "config.json")
    command = [sys.executable, "-m", "benchmark", "step", arguments[0], resolved, *arguments[1:]]
    wall, processor, memory = timed(command, folder, log)
    beginning = start_up(folder / paths.LOGS / config.benchmark, job.rule, job.name)
    share = 1.0 if gpus() else min(1.0, processor / wall)
    work = max(wall - beginning, 0.0)
    if job.rule in TRAININGS:
        beginning, work = of_steps(log, beginning, work)
    size = size_of([folder / path for path in job.makes])
    return measured(config, job, extents, seconds=(beginning * share, work * share), memory=memory, size=size)


def timed(command: list[str], folder: Path, log: Path) -> tuple[float, float, float]:
    """Runs a command as a rule does.

    Returns:
        Seconds by the clock and of the processor, and MiB at most.

    Raises:
        UserError: it failed.
    """
    threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    with log.open("w", encoding="utf-8") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **threads}, stdout=output, stderr=output)
        ended, memory, last = 0, 0.0, 0.0
        while not ended:
            # Not ru_maxrss of what is waited for: that of this process, from which it was forked, is in it.
            last = _resident(process.pid) or last  # one that is ending has none
            memory = max(memory, last)
            time.sleep(_LOOK)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise _failed(" ".join(command[3:]), process.returncode, last, tail(log).rstrip().rpartition("\n")[2])
    return wall, used.ru_utime + used.ru_stime, memory


def _failed(what: str, code: int, memory: float, said: str) -> UserError:
    """Why a process ended that is measured.

    Args:
        code: that it ended with, or less than 0 for a signal.
        memory: MiB that it had last.
        said: the last line of its log.
    """
    if code >= 0:
        remedy = _LESS if code == os.EX_TEMPFAIL else "Correct that"
        return UserError(what, f"failed while it was measured: {said or f'exit code {code}'}", remedy)
    name = {each.value: each.name for each in signal.Signals}.get(-code, f"signal {-code}")
    fault = f"was killed by {name} while it was measured; at the last look it had {memory:.0f} MiB"
    if -code == signal.SIGKILL:
        return UserError(what, f"{fault}, and most likely memory ran out", _LESS)
    remedy = "Measure again; where it is killed again, look for what kills it"
    return UserError(what, f"{fault}, and its log ended with: {said or 'nothing'}", remedy)


def _resident(process: int) -> float:
    """MiB of a process that has not been waited for yet; 0 once it has ended."""
    try:
        return float(psutil.Process(process).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0
