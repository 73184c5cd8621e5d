"""Work in a process of its own: how its end is reported, and that signals, limits and the parent's end reach it."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmark.runtime.supervision import Ended, supervise

ROOT = Path(__file__).parents[1]
WAITING = """
import os, signal, sys, time
from pathlib import Path
from benchmark.runtime.supervision import supervise

def work():
    if sys.argv[2] == "handled":
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(3))
    Path(sys.argv[1]).write_text(str(os.getpid()))
    time.sleep(60)

sys.exit(supervise(work, 60).code)
"""


def raise_error():
    raise ValueError("a fault of the work")


@pytest.mark.parametrize(
    ("work", "ended"),
    [
        (lambda: None, Ended(0)),
        (lambda: sys.exit(3), Ended(3)),
        (lambda: sys.exit("a message"), Ended(1)),
        (raise_error, Ended(1)),
        (lambda: os._exit(0), Ended(0, "ended its process (exit code 0)")),
        (lambda: os._exit(7), Ended(7, "ended its process (exit code 7)")),
        (lambda: signal.raise_signal(signal.SIGKILL), Ended(128 + 9)),
        (lambda: signal.raise_signal(signal.SIGTERM), Ended(128 + 15)),
        (lambda: (sys.stdout.close(), sys.exit(3)), Ended(3)),
    ],
)
def test_how_it_ended(work, ended):
    assert supervise(work, 60) == ended


def test_the_traceback_of_an_exception_is_printed(capfd):
    supervise(raise_error, 60)
    assert "ValueError: a fault of the work" in capfd.readouterr().err


@pytest.mark.parametrize(("work", "name"), [(lambda: ctypes.string_at(0), "SIGSEGV"), (os.abort, "SIGABRT")])
def test_a_crash_is_told_with_the_files_of_its_stack(work, name, capfd):
    found = supervise(work, 60)
    assert (found.code, found.fault) == (128 + signal.Signals[name], f"crashed ({name})")
    assert Path(__file__) in found.files
    assert "Fatal Python error" in capfd.readouterr().err


def test_what_takes_too_long_is_killed_with_its_own_processes(tmp_path):
    def hang():
        process = subprocess.Popen(["sleep", "60"])
        (tmp_path / "pid").write_text(str(process.pid))
        process.wait()

    begun = time.monotonic()
    assert supervise(hang, 1.0) == Ended(128 + 9, f"did not end within its limit of {1 / 60:g} minutes")
    assert time.monotonic() - begun < 30
    assert gone(tmp_path / "pid")


def gone(path):
    """Whether the process whose id the file holds ends soon."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if psutil.Process(int(path.read_text())).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def supervisor(tmp_path):
    started = []

    def start(how):
        path = tmp_path / "pid"
        command = [sys.executable, "-c", WAITING, str(path), how]
        started.append(subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}))
        until = time.monotonic() + 30
        while not (path.is_file() and path.read_text()):
            assert time.monotonic() < until
            time.sleep(0.05)
        return started[0], path

    yield start
    started[0].kill()
    started[0].wait()


@pytest.mark.processes
@pytest.mark.parametrize(("how", "code"), [("handled", 3), ("default", 128 + 15)])
def test_a_signal_is_passed_on(supervisor, how, code):
    process, path = supervisor(how)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == code
    assert gone(path)


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no signal tells of the parent's end")
def test_it_is_killed_with_its_parent(supervisor):
    process, path = supervisor("default")
    process.kill()
    process.wait()
    assert gone(path)
