"""A training on a real Slurm: submitted, cancelled, gone on with; a node that is drained and comes back."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
import slurm_cluster
import yaml
from copied_project import ROOT, call, copied_project, environment
from slurm_cluster import PROFILE, WITHOUT_GPUS

pytestmark = [
    pytest.mark.snakemake,
    pytest.mark.slurm,
    pytest.mark.skipif(bool(slurm_cluster.missing()), reason=f"not installed: {', '.join(slurm_cluster.missing())}"),
]

CELL = Path("results/slurm/cells/retouch_phantom_tiny/CR-SP/fold-0/cyclegan/seed-0")
TRAINING_LOG = Path("logs/slurm/train/retouch_phantom_tiny-CR-SP-0-cyclegan-0.log")
STEPS = 400
PATIENCE = 300.0


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project with prepared slices, and a training of half a minute."""
    copy = copied_project(tmp_path_factory.mktemp("slurm") / "project")
    config = yaml.safe_load((copy / "config/smoke.yaml").read_text())
    config["benchmark"] = "slurm"
    config["training"]["schedule"] = {"unit": "steps", "constant": STEPS, "decay": 0}
    (copy / "config/slurm.yaml").write_text(yaml.safe_dump(config))
    call(
        copy,
        "snakemake",
        "--cores",
        "2",
        "--configfile",
        "config/slurm.yaml",
        "--until",
        "collect",
        str(CELL / "run.json"),
    )
    return copy


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with slurm_cluster.cluster(tmp_path_factory.mktemp("cluster")) as its:
        yield its


@pytest.fixture
def submit(project, cluster):
    """Starts Snakemake, which submits trainings; the process, and what asks the cluster."""
    started = []

    def start(*arguments, gpus=()):
        own = environment(project)
        own["PATH"] = f"{cluster['PATH']}:{own['PATH']}"
        if gpus:
            own["PYTHONPATH"] = f"{ROOT}/tests/fake_nvml:{own['PYTHONPATH']}"
            own["FAKE_GPUS"] = json.dumps([[name] for name in gpus])
        command = ["snakemake", *PROFILE, "--configfile", "config/slurm.yaml", *arguments]
        with (project / "slurm.log").open("w") as log:
            started.append(subprocess.Popen(command, cwd=project, env=own, stdout=log, stderr=log))

        def ask(*asked):
            return subprocess.run(asked, env=own, capture_output=True, text=True, check=True).stdout.strip()

        return started[0], ask

    yield start
    for process in started:
        process.terminate()
        process.wait()


@pytest.fixture
def submitted(submit):
    return submit(*WITHOUT_GPUS, "--", str(CELL / "run.json"))


def wait_for(what, process, log):
    until = time.monotonic() + PATIENCE
    while not (found := what()):
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < until, log.read_text()[-3000:]
        time.sleep(0.2)
    return found


def result(project):
    files = [*sorted((project / CELL / "model").iterdir()), project / CELL / "history.csv"]
    return {path.name: path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def undisturbed(project):
    """The same training without Slurm, moved out of the way."""
    call(project, "snakemake", "--cores", "1", "--configfile", "config/slurm.yaml", "--", str(CELL / "run.json"))
    found = result(project)
    (project / CELL).rename(project / "undisturbed")
    (project / TRAINING_LOG).unlink()
    return found


def test_a_cancelled_training_is_submitted_again_and_ends_with_the_same_bits(project, submitted, undisturbed):
    process, ask = submitted
    log, training = project / "slurm.log", project / TRAINING_LOG
    job = wait_for(lambda: ask("squeue", "--noheader", "--states=RUNNING", "--format=%i"), process, log)
    wait_for(lambda: training.is_file() and "step 40 of" in training.read_text(), process, log)
    ask("scancel", job)
    wait_for(
        lambda: any("/step-" in folder for folder, _, _ in os.walk(project / "results/slurm/checkpoints")), process, log
    )
    assert process.wait(timeout=PATIENCE) == 0, log.read_text()[-3000:]
    assert "Trying to restart" in log.read_text()
    assert "going on from the checkpoint" in training.read_text()
    assert result(project) == undisturbed
    (project / CELL).rename(project / "cancelled")


def test_a_preempted_training_is_requeued_by_slurm_and_ends_with_the_same_bits(project, submitted, undisturbed):
    process, ask = submitted
    log, training = project / "slurm.log", project / TRAINING_LOG
    training.unlink(missing_ok=True)
    wait_for(lambda: training.is_file() and "step 40 of" in training.read_text(), process, log)
    job = ask("squeue", "--noheader", "--states=RUNNING", "--format=%i")
    ask("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=true")
    wait_for(lambda: ask("squeue", "--noheader", f"--jobs={job}", "--format=%T") == "PENDING", process, log)
    ask("scontrol", "update", f"JobId={job}", "StartTime=now")  # Slurm would wait two minutes
    assert process.wait(timeout=PATIENCE) == 0, log.read_text()[-3000:]
    assert "Trying to restart" not in log.read_text()
    assert "going on from the checkpoint" in training.read_text()
    assert result(project) == undisturbed
    (project / CELL).rename(project / "preempted")


def test_a_drained_node_takes_the_job_when_it_comes_back(project, cluster, submitted, undisturbed):
    process, ask = submitted
    ask("scontrol", "update", f"NodeName={slurm_cluster.NODE}", "State=DRAIN", "Reason=test")
    log = project / "slurm.log"
    wait_for(lambda: ask("squeue", "--noheader", "--format=%i"), process, log)
    if not ask("squeue", "--noheader", "--states=RUNNING", "--format=%i"):  # it was drained before the job came
        time.sleep(3)
        assert ask("squeue", "--noheader", "--format=%T") == "PENDING"
    ask("scontrol", "update", f"NodeName={slurm_cluster.NODE}", "State=RESUME")
    assert process.wait(timeout=PATIENCE) == 0, log.read_text()[-3000:]
    assert result(project) == undisturbed


def test_trainings_are_submitted_side_by_side_with_a_gpu_each_which_pytorch_must_see(project, submit):
    names = [f"GPU-{number}-of-a-test-{os.getpid()}" for number in range(2)]
    targets = [str(CELL.parents[1] / method / "seed-0/run.json") for method in ("s_cyclegan", "semgan")]
    once = ["--preemptible-rules", "train", "--preemptible-retries", "0"]
    process, ask = submit(*once, "--", *targets, gpus=names)
    log = project / "slurm.log"
    queued = ["squeue", "--noheader", "--states=PENDING,RUNNING", "--Format=tres-per-job"]
    wait_for(lambda: ask(*queued).split() == ["gres:gpu:1"] * 2, process, log)
    assert process.wait(timeout=PATIENCE) != 0
    logs = [
        (project / str(TRAINING_LOG).replace("cyclegan", method)).read_text() for method in ("s_cyclegan", "semgan")
    ]
    for text in logs:
        taken = next(name for name in names if f"on {name}" in text)
        assert f"error: {taken}: the job was given this GPU, and PyTorch " in text
    for name in names:
        Path(f"/tmp/harmonize-bench-{os.getuid()}/{name}").unlink(missing_ok=True)
    assert "Trying to restart" not in log.read_text()
    for own in (project / ".snakemake/slurm_logs/rule_train").rglob("*.log"):
        assert "Trying to restart" not in own.read_text()  # a job is one try
