"""Work in a process of its own, so that a crash, a hang or a sudden exit is seen by the process that started it.

The process is forked: before the work begins there is little to copy, and nothing has to be imported twice.
"""

import ctypes
import faulthandler
import mmap
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import psutil

CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS})
"""Signals by which a process ends because of its own fault."""
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
_PR_SET_PDEATHSIG = 1  # of prctl(2)


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
    done = mmap.mmap(-1, 1)  # shared with the child
    with tempfile.TemporaryFile() as dump:
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            _run(work, parent, dump, done)
        with _forwarding_to(child), _killed_after(limit, child) as killed:
            status = os.waitpid(child, 0)[1]
        code = os.waitstatus_to_exitcode(status)
        dump.seek(0)
        stacks = dump.read().decode(errors="replace")
    if killed:
        return Ended(128 + signal.SIGKILL, f"did not end within its limit of {limit / 60:g} minutes")
    if code < 0:
        crashed = -code in CRASHES
        print(stacks, end="", file=sys.stderr, flush=True)
        return Ended(128 - code, f"crashed ({signal.Signals(-code).name})" if crashed else "", _files(stacks))
    return Ended(code, "" if done[0] else f"ended its process (exit code {code})")


def _run(work: Callable[[], None], parent: int, dump: IO[bytes], done: mmap.mmap) -> NoReturn:
    """The child."""
    code = 1
    try:
        for each in _heeded():
            signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        _end_with(parent)
        faulthandler.enable(dump)
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        done[0] = 1
        with suppress(ValueError):  # the work closed them
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)  # without what the parent registered for its own end


def _heeded() -> list[signal.Signals]:
    """Signals that this process was not started to ignore, as it is by nohup and in the background of a script."""
    return [each for each in FORWARDED if signal.getsignal(each) is not signal.SIG_IGN]


def _end_with(parent: int) -> None:
    """Has the kernel kill this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGKILL)


@contextmanager
def _forwarding_to(child: int) -> Iterator[None]:
    def forward(number: int, frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    before = {each: signal.signal(each, forward) for each in _heeded()}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _killed_after(seconds: float, child: int) -> Iterator[list[int]]:
    """Kills the child after so long, with its children. The list is empty until then."""
    killed: list[int] = []

    def kill(number: int, frame: object) -> None:
        process = psutil.Process(child)
        for each in (process, *process.children(recursive=True)):
            killed.append(each.pid)
            with suppress(psutil.NoSuchProcess):
                each.kill()

    before = signal.signal(signal.SIGALRM, kill)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield killed
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _files(stacks: str) -> frozenset[Path]:
    """Source files in what :mod:`faulthandler` wrote."""
    lines = (line.strip() for line in stacks.splitlines())
    return frozenset(Path(line.split('"')[1]) for line in lines if line.startswith('File "'))
