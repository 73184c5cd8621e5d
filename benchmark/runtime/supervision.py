"""Work in a process of its own, so that a crash, a hang or a sudden exit is seen by the process that started it.

The process is forked: before the work begins there is little to copy, and nothing has to be imported twice.
"""

import ctypes
import faulthandler
import multiprocessing
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ctypes import c_bool
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS})
"""Signals by which a process ends because of its own fault."""
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
_PR_SET_PDEATHSIG = 1  # of prctl(2)
_LONGEST_WAIT = 2_000_000.0  # seconds; poll(2) refuses to wait longer


@dataclass(frozen=True)
class Ended:
    """How supervised work ended.

    Attributes:
        code: exit code, 128 and its number for a signal, as shells count.
        fault: what ended the process before the work was done and without an exception; empty where nothing did.
        files: source files in the Python stacks at a crash.
    """

    code: int
    fault: str = ""
    files: frozenset[Path] = frozenset()


def supervise(work: Callable[[], None], limit: float) -> Ended:
    """Runs the work in a child process, passes signals on to it, and waits for its end.

    The child ends with this process, on Linux also when this one is killed. An exception of the work is printed in the
    child and makes its exit code, as at the end of any Python program.

    Args:
        work: called in the child.
        limit: seconds after which the child and its own children are killed.
    """
    context = multiprocessing.get_context("fork")
    done = context.RawValue(c_bool, False)
    with tempfile.TemporaryFile() as dump:
        child = context.Process(target=_run, args=(work, dump, done))
        child.start()
        with _forwarding_to(psutil.Process(child.pid)) as process:
            end = time.monotonic() + limit
            while child.is_alive() and (left := end - time.monotonic()) > 0:
                child.join(min(left, _LONGEST_WAIT))
            if child.is_alive():
                for each in (*process.children(recursive=True), process):
                    with suppress(psutil.NoSuchProcess):
                        each.kill()
                child.join()
                return Ended(128 + signal.SIGKILL, f"did not end within its limit of {limit / 60:g} minutes")
        dump.seek(0)
        stacks = dump.read().decode(errors="replace")
    code = child.exitcode
    assert code is not None
    if code < 0:
        crashed = -code in CRASHES
        print(stacks, end="", file=sys.stderr, flush=True)
        return Ended(128 - code, f"crashed ({signal.Signals(-code).name})" if crashed else "", _files(stacks))
    return Ended(code, "" if done.value else f"ended its process (exit code {code})")


def _run(work: Callable[[], None], dump: IO[bytes], done: c_bool) -> None:
    """The child."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    faulthandler.enable(dump)
    try:
        work()
    finally:
        done.value = True


@contextmanager
def _forwarding_to(child: psutil.Process) -> Iterator[psutil.Process]:
    def forward(number: int, frame: object) -> None:
        with suppress(psutil.NoSuchProcess):
            child.send_signal(number)

    before = {each: signal.signal(each, forward) for each in FORWARDED}
    try:
        yield child
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _files(stacks: str) -> frozenset[Path]:
    """Source files in what :mod:`faulthandler` wrote."""
    lines = (line.strip() for line in stacks.splitlines())
    return frozenset(Path(line.split('"')[1]) for line in lines if line.startswith('File "'))
