"""State of each job of a run, from its outputs and its log.

Snakemake deletes the outputs of a job before it starts the job, and the job's shell empties its log. So a job with all
outputs is done, and a job with a log of this run and without outputs is running or failed, which its log tells. A
killed process leaves its log as it was; therefore the view shows how long a running job has been silent. All times are
those of the files, which come from one file system's clock.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.monitoring.training_log import Progress, modified, progress_of, tail
from benchmark.pipeline.jobs import TRAININGS, Job
from benchmark.reporting.timings import LAST_LINE, read_times
from benchmark.runtime import paths

State = Literal["waiting", "running", "done", "failed"]
_END = 4000  # bytes at the end of a log that are searched for the reason of a failure
_ENDED = re.compile(r"^(error: |Traceback \(most recent call last\)|SIG\w+: stopped after step )", re.MULTILINE)


@dataclass(frozen=True)
class JobStatus:
    """State of one job.

    Attributes:
        reason: why the job failed, or why the method failed in the job, which has finished.
        seconds: duration of a finished job, if Snakemake recorded it.
        silent: seconds since a running job wrote to its log.
        progress: of a running training.
    """

    job: Job
    state: State
    reason: str = ""
    seconds: float | None = None
    silent: float = 0.0
    progress: Progress | None = None


def statuses(benchmark: str, jobs: Sequence[Job], now: float) -> list[JobStatus]:
    """State of each job of the latest run.

    Args:
        now: UNIX time.
    """
    started = modified(paths.resolved(benchmark))
    return [_status(benchmark, job, started, now) for job in jobs]


def _status(benchmark: str, job: Job, started: float | None, now: float) -> JobStatus:
    if all(path.exists() for path in job.makes):
        times = read_times(job.times(benchmark))
        return JobStatus(job, "done", _no_result(job), times[0] if times else None)
    log = job.log(benchmark)
    written = modified(log)
    if started is None or written is None or written < started:
        return JobStatus(job, "waiting")
    end = tail(log, _END)
    last_line = end.rstrip().rpartition("\n")[2]
    if LAST_LINE.match(last_line):
        return JobStatus(job, "waiting")  # it succeeded; its outputs are not visible yet, or were deleted
    if _ENDED.search(end):
        return JobStatus(job, "failed", last_line)
    progress = progress_of(tail(log)) if job.rule in TRAININGS else None
    return JobStatus(job, "running", silent=max(0.0, now - written), progress=progress)


def _no_result(job: Job) -> str:
    """Why a finished training or harmonization has no result, or an empty string."""
    if job.rule not in ("train", "harmonize"):
        return ""
    cell = job.cells[0]
    try:
        record = json.loads((cell.run if job.rule == "train" else cell.harmonize_run).read_text(encoding="utf-8"))
        return str(record["reason"]) if record["status"] == "failed" else ""
    except (FileNotFoundError, ValueError, KeyError):
        return ""  # the file is being replaced; the next frame shows it
