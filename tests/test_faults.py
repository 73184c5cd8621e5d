"""The pipeline where memory, a GPU, a clock or a folder is not as it should be: it goes on, or says what is wrong."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from copied_project import ROOT, call, copied_project, environment
from disks import ALONE, can_mount, without_override

pytestmark = pytest.mark.snakemake

DATASET = "retouch_phantom_tiny"
FOLD = Path(f"results/faults/cells/{DATASET}/CR-SP/fold-0")
METHODS = ["cyclegan", "semgan", "segrenorm"]
CONFIG = "config/faults.yaml"
# What a GPU does whose memory another program needs for a while: it runs out after fifteen steps of the first try.
BUSY_GPU = """
import sys
from pathlib import Path
if "train" in sys.orig_argv and not Path("tried").exists():
    import torch
    from benchmark.training import loop
    told = loop._tell
    def tell(step, *rest):
        told(step, *rest)
        if step == 15:
            Path("tried").touch()
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    loop._tell = tell
"""
# GPUs that exist in a listing only; trainings go to the processor.
LISTED_GPU = """
import sys
if "train" in sys.orig_argv:
    import torch
    torch.cuda.init = lambda: None
"""


def run_of(method):
    return str(FOLD / method / "seed-0/run.json")


def log_of(method):
    return Path(f"logs/faults/train/{DATASET}-CR-SP-0-{method}-0.log")


def command(*targets, cores=2):
    return ["snakemake", *targets, "--cores", str(cores), "--configfile", CONFIG]


@pytest.fixture
def with_change(project, tmp_path, monkeypatch):
    """Has every process of the pipeline run some code when it starts."""

    def change(code):
        (tmp_path / "sitecustomize.py").write_text(code)
        own = environment(project)
        monkeypatch.setattr("copied_project.environment", lambda p: {**own, "PYTHONPATH": f"{tmp_path}:{p}"})

    return change


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project with prepared slices and one trained cell."""
    copy = copied_project(tmp_path_factory.mktemp("faults") / "project")
    config = yaml.safe_load((copy / "config/smoke.yaml").read_text())
    config["benchmark"] = "faults"
    config["training"]["schedule"] = {"unit": "steps", "constant": 40, "decay": 0}
    config["checkpoint_every"] = 10
    (copy / CONFIG).write_text(yaml.safe_dump(config))
    call(copy, *command(run_of("cyclegan")))
    return copy


def removed(project, *methods):
    for method in methods:
        shutil.rmtree(project / FOLD / method)


def test_a_second_run_in_the_folder_is_refused_and_disturbs_nothing(project):
    removed(project, "cyclegan")
    with (project / "first.log").open("w") as log:
        first = subprocess.Popen(
            command(run_of("cyclegan")), cwd=project, env=environment(project), stdout=log, stderr=log
        )
    until = time.monotonic() + 60
    while (project / ".snakemake/hbench.lock").read_text() != f"{first.pid}\n" and time.monotonic() < until:
        time.sleep(0.05)
    said = call(project, *command(run_of("cyclegan")), succeed=False)
    assert f"is in use by another run (process {first.pid}). Wait until it is done, or stop it" in said
    assert "Traceback" not in said
    assert first.wait() == 0, (project / "first.log").read_text()[-3000:]
    assert (project / run_of("cyclegan")).is_file()
    assert "Nothing to be done" in call(project, *command(run_of("cyclegan")))


def test_the_next_try_of_a_training_that_ran_out_of_memory_goes_on(project, with_change):
    removed(project, "cyclegan")
    with_change(BUSY_GPU)
    said = call(project, *command(run_of("cyclegan")))
    assert "the training of cyclegan on retouch_phantom_tiny: the GPU has not enough memory for it. Lower" in said
    assert "Trying to restart" in said
    assert json.loads((project / run_of("cyclegan")).read_text())["resumed_at_step"] == 10


def test_trainings_beside_each_other_have_a_gpu_each(project, with_change, tmp_path, monkeypatch):
    names = [f"GPU-{n}-of-a-test-{os.getpid()}" for n in range(2)]
    shutil.copy(ROOT / "tests/fake_nvml/pynvml.py", tmp_path)
    monkeypatch.setenv("FAKE_GPUS", json.dumps([[name] for name in names]))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with_change(LISTED_GPU)
    removed(project, "cyclegan")
    call(project, *command(*map(run_of, METHODS), cores=4))
    logs = [(project / log_of(method)).read_text() for method in METHODS]
    for name in names:
        Path(f"/tmp/harmonize-bench-{os.getuid()}/{name}").unlink()
    taken = {next(line.split()[-1] for line in log.splitlines() if " on GPU-" in line) for log in logs}
    assert taken == set(names)
    assert not any("waiting for a GPU" in log for log in logs)  # Snakemake started as many as there are GPUs


@pytest.mark.parametrize("mode", [[], ["--dry-run"]])
def test_files_from_the_future_are_refused_with_a_remedy_that_works(project, mode):
    """The clock was a year ahead, and is not any more."""
    call(project, *command(*map(run_of, METHODS)))
    year = 365 * 24 * 3600
    found = [path for folder in ("data/prepared", "results", "logs") for path in (project / folder).rglob("*")]
    for path in found:
        os.utime(path, (path.stat().st_atime + year, path.stat().st_mtime + year))
    said = call(project, *command(*map(run_of, METHODS), *mode), succeed=False)
    latest = max(found, key=lambda path: (path.stat().st_mtime, path))
    assert re.search(r"^error: (\S+): is from the future \(\d{4}-", said, re.MULTILINE)[1] in map(
        str, (path.relative_to(project) for path in found if path.stat().st_mtime == latest.stat().st_mtime)
    )
    assert "Traceback" not in said
    remedy = re.search(r"give such files the time of now: (.*)\.$", said, re.MULTILINE)[1]
    assert remedy.startswith("touch now && find data/prepared results")
    call(project, "sh", "-c", remedy)
    assert "Nothing to be done" in call(project, *command(*map(run_of, METHODS)))


@pytest.mark.parametrize("place", ["logs/elsewhere/train", "results/elsewhere", "reports/elsewhere"])
def test_a_file_where_a_folder_of_results_belongs_is_told(project, place):
    path = project / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    try:
        said = call(project, *command("--dry-run", "--config", "benchmark=elsewhere"), succeed=False)
        assert f"error: {place}: is, or lies below, a file where a folder belongs. Move that file away" in said
        assert "Traceback" not in said
        assert path.read_text() == "mine"
    finally:
        path.unlink()


@pytest.mark.parametrize("closed", ["results/faults", "logs/faults"])
def test_read_only_results_and_logs_are_told_before_anything_runs(project, closed):
    """Snakemake deletes what a job left before it makes the job's folders."""
    before = {path: path.stat().st_mtime_ns for path in (project / "results/faults").rglob("*")}
    assert project / run_of("cyclegan") in before
    (project / closed).chmod(0o555)
    try:
        done = subprocess.run(
            command("--forceall"),
            cwd=project,
            env=environment(project),
            capture_output=True,
            text=True,
            preexec_fn=without_override,
        )
    finally:
        (project / closed).chmod(0o755)
    assert done.returncode != 0
    assert f"error: {closed}: access is denied. Correct the permissions." in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.stat().st_mtime_ns for path in (project / "results/faults").rglob("*")} == before


@pytest.mark.skipif(not can_mount(), reason="file systems cannot be mounted here")
@pytest.mark.parametrize("mode", [[], ["--dry-run"]])
def test_a_project_on_a_read_only_disk_is_told(project, mode):
    mount = f"mount --bind {project} {project} && mount -o remount,ro,bind {project} && cd {project}"
    said = call(project, *ALONE, "sh", "-c", f'{mount} && exec "$@"', "sh", *command(*mode), succeed=False)
    assert "error: .snakemake/iocache: the disk is read-only. Work in a folder that can be written to." in said
    assert "Traceback" not in said
