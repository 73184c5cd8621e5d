"""A folder is held by one run, and is free again when that one is gone, killed or not."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.pipeline.run_lock import hold_run_lock, refuse_jobs_left
from benchmark.runtime.errors import UserError

ROOT = Path(__file__).parents[1]
HOLD = """
import sys, time
from pathlib import Path
from benchmark.pipeline.run_lock import hold_run_lock, refuse_jobs_left
hold_run_lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def holder(lock: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_second_run_is_refused_until_the_first_is_gone(tmp_path, end):
    lock = tmp_path / "folder/lock"
    process = holder(lock)
    with pytest.raises(UserError, match=rf"is in use by another run \(process {process.pid}\)"):
        hold_run_lock(lock)
    os.kill(process.pid, end)
    process.wait()
    process.stdout.close()
    hold_run_lock(lock)
    hold_run_lock(lock)  # its own
    assert lock.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, number):
    def refuse(file, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(UserError, match=f"{tmp_path}/lock: this file system has no locks \\({os.strerror(number)}\\)"):
        hold_run_lock(tmp_path / "lock")


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A program that answers for Slurm."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program = tmp_path / "squeue"

    def answer(*lines, code=0):
        said = "\n".join(lines)
        script = f"echo $* > {program}.asked\ncat <<'END'\n{said}\nEND\necho refused >&2\nexit {code}\n"
        program.write_text(f"#!/bin/sh\n{script}")
        program.chmod(0o755)

    return answer


def test_jobs_that_a_killed_run_left_in_slurm_are_refused(queue, tmp_path):
    (tmp_path / "link").symlink_to("here")
    queue(
        f"7|rule_train_wildcards_ixi_GE-PL_0|{tmp_path}/here",
        f"8|(null)|{tmp_path}/here",
        f"9_3|rule_score_wildcards_ixi_GE-PL_0|{tmp_path}/link",
        f"10|rule_train_wildcards_ixi_GE-PL_0|{tmp_path}",
    )
    with pytest.raises(UserError, match=r"here: 2 jobs of an earlier run .* run again: scancel 7 9_3\."):
        refuse_jobs_left()


def test_jobs_from_elsewhere_are_left_alone(queue, tmp_path):
    queue(f"8|(null)|{tmp_path}/here", f"10|rule_train_wildcards_ixi_GE-PL_0|{tmp_path}")
    refuse_jobs_left()
    assert f"--user={os.getuid()}" in (tmp_path / "squeue.asked").read_text()


def test_a_slurm_that_does_not_answer_is_told(queue):
    queue(code=1)
    with pytest.raises(UserError, match=r"squeue: does not say which jobs there are \(refused\)"):
        refuse_jobs_left()
