"""What became of each job of a run, from its outputs and its log.

Snakemake deletes the outputs of a job before it starts, and the job's shell empties its log. So a job whose outputs
are all there is done, and one that has a log of this run and no outputs is running or has failed; its log says which.
A process that was killed says nothing: its log stays as it was, and how long it has been silent is told beside it.
Times are those of the files, all of one file system's clock.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.monitoring.watch.progress import Progress, modified, progress_of, tail
from benchmark.pipeline.jobs import TRAININGS, Job
from benchmark.reporting.timings import LAST_LINE, read_times
from benchmark.runtime import paths

State = Literal["waiting", "running", "done", "failed"]
_END = 4000  # bytes at the end of a log that tell why a job ended
_ENDED = re.compile(r"^(error: |Traceback \(most recent call last\)|SIG\w+: stopped after step )", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """One job.

    Attributes:
        reason: why it failed, or why the training that it did came to nothing.
        seconds: that it took, if it is done and Snakemake noted it.
        silent: seconds since a running job wrote to its log.
        progress: of a running training.
    """

    job: Job
    state: State
    reason: str = ""
    seconds: float | None = None
    silent: float = 0.0
    progress: Progress | None = None


def look(benchmark: str, jobs: Sequence[Job], now: float) -> list[Seen]:
    """What became of each job of the run that was started last.

    Args:
        now: UNIX time.
    """
    started = modified(paths.benchmark_root(benchmark) / "config.json")
    return [_look(benchmark, job, started, now) for job in jobs]


def _look(benchmark: str, job: Job, started: float | None, now: float) -> Seen:
    if all(path.exists() for path in job.makes):
        times = read_times(job.times(benchmark))
        return Seen(job, "done", _diverged(job), times[0] if times else None)
    log = job.log(benchmark)
    written = modified(log)
    if started is None or written is None or written < started:
        return Seen(job, "waiting")
    end = tail(log, _END)
    if LAST_LINE.match(end.rstrip().rpartition("\n")[2]):
        return Seen(job, "waiting")  # it ended well, and its outputs are not there yet or not any more
    if fault := _fault(end):
        return Seen(job, "failed", fault)
    progress = progress_of(tail(log)) if job.rule in TRAININGS else None
    return Seen(job, "running", silent=max(0.0, now - written), progress=progress)


def _fault(text: str) -> str:
    """The last line of a log that ends with an error, else nothing."""
    return text.rstrip().rpartition("\n")[2] if _ENDED.search(text) else ""


def _diverged(job: Job) -> str:
    """Why a training that is done came to nothing."""
    if job.rule != "train":
        return ""
    try:
        run = json.loads(job.cells[0].run.read_text(encoding="utf-8"))
        return str(run["reason"]) if run["status"] == "failed" else ""
    except (FileNotFoundError, ValueError, KeyError):
        return ""  # being replaced; the next look tells
