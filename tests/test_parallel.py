"""Parallel processes end with the one that started them, and keep its lock until then."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pooled_work
import pytest

from benchmark.runtime.errors import UserError
from benchmark.runtime.locks import lock
from benchmark.runtime.parallel import run_parallel

pytestmark = pytest.mark.processes
ROOT = Path(__file__).parents[1]


def wait_for(happened) -> None:
    until = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent_and_hold_its_lock_until_then(tmp_path, ended_by):
    os.mkfifo(tmp_path / "fifo")
    command = [sys.executable, pooled_work.__file__, str(tmp_path)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}) as parent:
        wait_for((tmp_path / "begun").exists)
        parent.send_signal(ended_by)
    with (tmp_path / "lock").open() as file:
        try:
            assert not lock(file)
        finally:
            with suppress(OSError):  # the worker, which would read, has ended
                os.close(os.open(tmp_path / "fifo", os.O_WRONLY | os.O_NONBLOCK))
        wait_for(lambda: lock(file))


def test_a_killed_worker_is_one_message():
    with pytest.raises(UserError, match=r"sheets: one of the processes .* was killed.* memory .*\. Take fewer\."):
        run_parallel(pooled_work.die, [()] * 3, 2, product="sheets", remedy="Take fewer")


def test_a_worker_without_memory_is_one_message():
    with pytest.raises(UserError, match=r"sheets: one of the processes .* ran out of memory\. Take fewer\."):
        run_parallel(bytearray, [(10,), (2**62,)], 2, product="sheets", remedy="Take fewer")


def test_the_first_fault_is_raised_as_it_is():
    with pytest.raises(ValueError, match="invalid literal"):
        run_parallel(int, [("1",), ("one",)], 2, product="numbers", remedy="Take fewer")
