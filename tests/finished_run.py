"""Writes the files of a run without running it."""

import json
import os
from pathlib import Path

from benchmark.pipeline.jobs import Job
from benchmark.runtime import paths

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
STARTED = 1_000_000.0


def start(benchmark: str) -> None:
    path = paths.benchmark_root(benchmark) / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (STARTED, STARTED))


def write_log(benchmark: str, job: Job, text: str, after: float = 10.0) -> Path:
    path = job.log(benchmark)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (STARTED + after, STARTED + after))
    return path


def finish(benchmark: str, job: Job, seconds: float = 5.0, megabytes: float = 100.0, log: str = "") -> None:
    for path in job.makes:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if job.rule == "train":
        job.cells[0].run.write_text(json.dumps({"status": "ok", "reason": ""}))
    times = job.times(benchmark)
    times.parent.mkdir(parents=True, exist_ok=True)
    times.write_text(f"{HEAD}{seconds}\t0:00:01\t{megabytes}\t-\t-\t-\t-\t-\t0.0\t{seconds}\n")
    write_log(benchmark, job, f"{log}start-up 1.00 s, work {seconds - 1:.2f} s\n")


def log_line(second: int, step: int, steps: int, losses: str = "") -> str:
    """A line of a training's log."""
    return f"2026-01-02 03:04:{second:02d},000 step {step} of {steps}{': ' * bool(losses)}{losses}\n"
