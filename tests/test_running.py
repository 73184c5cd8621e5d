"""A folder is held by one run, and is free again when that one is gone, killed or not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.running import be_alone

ROOT = Path(__file__).parents[1]
HOLD = """
import sys, time
from pathlib import Path
from benchmark.running import be_alone
be_alone(Path(sys.argv[1]))
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
        be_alone(lock)
    os.kill(process.pid, end)
    process.wait()
    process.stdout.close()
    be_alone(lock)
    assert lock.read_text() == f"{os.getpid()}\n"
