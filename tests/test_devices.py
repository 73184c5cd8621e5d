"""GPUs are handed out one to a process, whoever else takes them and however processes end. Nothing here has a GPU."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.cli import reported_errors
from benchmark.pipeline.resolve import load_benchmark
from benchmark.runtime import devices
from benchmark.runtime.devices import gpu_model, gpus
from benchmark.runtime.errors import UserError

ROOT = Path(__file__).parents[1]
FAKE = str(ROOT / "tests/fake_nvml")
A, B = (f"GPU-{start}-0000-0000-0000-000000000000" for start in ("aaaa1111", "bbbb2222"))
C, D = "MIG-cccc3333-0000-0000-0000-000000000000", f"MIG-{A}/7/0"
TWO = [[A], [B]]
DIVIDED = [[A, C, D], [B]]
HOLD = """
import logging, os, sys, time
from pathlib import Path
from benchmark.runtime import devices
devices.PAUSE = 0.05
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
devices.take_gpu(Path(sys.argv[1]))
name = os.environ["CUDA_VISIBLE_DEVICES"]
print(name, flush=True)
with open(sys.argv[3], "a", buffering=1) as journal:
    journal.write(f"takes {name} {os.getpid()}\\n")
    time.sleep(float(sys.argv[2]))
    journal.write(f"leaves {name} {os.getpid()}\\n")
"""


@pytest.fixture
def machine(monkeypatch):
    """Installs GPUs: a library that lists them, here and in every process that is started here."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PYTHONPATH", f"{FAKE}:{ROOT}")
    monkeypatch.syspath_prepend(FAKE)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)

    def install(listing):
        monkeypatch.setenv("FAKE_GPUS", json.dumps(listing))

    install(TWO)
    yield install
    sys.modules.pop("pynvml", None)


def test_name_and_memory_of_the_visible_gpu(machine, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", B)
    assert gpu_model() == (f"Fake {B}", 24)
    machine([])
    assert gpu_model() is None


@pytest.fixture
def start(machine, tmp_path):
    """Starts processes that take a GPU and keep it; all end with the test."""
    started = []

    def one(seconds=120, journal=os.devnull):
        command = [sys.executable, "-c", HOLD, str(tmp_path), str(seconds), str(journal)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield one
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def lines(process, count):
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_no_two_processes_have_one_and_who_waits_gets_what_another_left(start, end):
    first, second = start(), start()
    taken = [lines(process, 2)[1] for process in (first, second)]
    assert sorted(taken) == [A, B]
    third = start()
    waiting = lines(third, 1)[0]
    assert waiting.startswith("waiting for a GPU; in use are ")
    assert f"{taken[1]} (process {second.pid})" in waiting
    time.sleep(0.2)
    assert third.poll() is None
    second.send_signal(end)
    assert second.wait() == -end
    assert lines(third, 2) == [f"on {taken[1]}", taken[1]]


def test_of_many_never_two_at_once_have_the_same(start, tmp_path):
    journal = tmp_path / "journal"
    journal.touch()
    processes = [start(0.2, journal) for _ in range(7)]
    assert [process.wait() for process in processes] == [0] * 7
    holders, used = {}, []
    for event, name, pid in map(str.split, journal.read_text().splitlines()):
        if event == "takes":
            assert name not in holders
            holders[name] = pid
            used.append(name)
        else:
            assert holders.pop(name) == pid
    assert len(used) == 7
    assert set(used) == {A, B}


@pytest.mark.parametrize(
    ("listing", "visible", "expected"),
    [
        (TWO, None, [A, B]),
        (TWO, "1", [B]),
        (TWO, "1,0", [B, A]),
        (TWO, "0,-1,1", [A]),
        (TWO, "", []),
        (TWO, "NoDevFiles", []),
        (TWO, B, [B]),
        (TWO, "GPU-bbbb", [B]),
        (DIVIDED, None, [C, D, B]),
        (DIVIDED, "0", [C, D]),
        (DIVIDED, f"{D},{C}", [D, C]),
        ([[], [B]], None, [B]),  # the first is another job's
        ([], "0", []),  # nor does CUDA see any
    ],
)
def test_what_is_visible_are_the_only_candidates(machine, monkeypatch, listing, visible, expected):
    machine(listing)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus() == expected


@pytest.mark.parametrize("visible", ["2", "GPU-ffff", "GPU-"])
def test_a_gpu_that_is_not_there_is_told(machine, monkeypatch, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(UserError, match=f"CUDA_VISIBLE_DEVICES={visible}: which GPU is {visible}\\? nvidia-smi -L"):
        gpus()


def test_where_there_is_none_a_job_that_was_promised_one_is_told(machine, tmp_path):
    machine([])
    with pytest.raises(UserError, match=r"was promised one, and there is none here .* not set.* Set gpu: 0"):
        devices.take_gpu(tmp_path)


@pytest.mark.parametrize("asked", ["make_fabric", "inference_device"])
def test_a_job_whose_gpu_pytorch_cannot_use_does_not_go_to_the_processor(machine, tmp_path, monkeypatch, capsys, asked):
    from benchmark.training import device

    monkeypatch.setattr(devices, "_held", [])
    monkeypatch.setattr(os, "environ", os.environ.copy())
    devices.take_gpu(tmp_path)
    with pytest.raises(SystemExit) as caught, reported_errors():
        getattr(device, asked)()
    for held in devices._held:
        held.close()
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert f"error: {A}: the job was given this GPU, and PyTorch " in said
    assert "cannot use it (" in said
    assert "CUDA_VISIBLE_DEVICES= before the command" in said


def test_a_driver_that_fails_is_told_where_there_are_devices(machine, monkeypatch):
    machine(None)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([Path("/dev/nvidia0")]))
    with pytest.raises(UserError, match="NVIDIA's driver: does not list the GPUs \\(Driver Not Loaded\\)"):
        gpus()
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([]))
    assert gpus() == []


@pytest.mark.parametrize(("asked", "seen"), [(["--gpu", "1"], A), (["--gpu", "0"], ""), ([], A)])
def test_a_step_sees_what_its_rule_asked_for(machine, asked, seen, tmp_path):
    resolved = tmp_path / "config.json"
    resolved.write_text(load_benchmark(ROOT / "config/smoke.yaml").model_dump_json())
    arguments = ["step", "train", str(resolved), "ixi_phantom_tiny", "GE-PL", "0", "cyclegan", "0", *asked]
    code = (
        "import os, sys; from benchmark import cli; from benchmark.cli import steps; "
        "steps._run_method = lambda *arguments: print(os.environ['CUDA_VISIBLE_DEVICES'], 'torch' in sys.modules); "
        f"sys.argv = ['hbench', *{arguments!r}]; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == f"{seen} False\n", done.stderr
