"""A training on a real Slurm: submitted, cancelled, gone on with; a node that is drained and comes back."""

import subprocess
import time
from pathlib import Path

import pytest
import slurm_cluster
import yaml
from copied_project import call, copied_project, environment

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(bool(slurm_cluster.missing()), reason=f"not installed: {', '.join(slurm_cluster.missing())}"),
]

CELL = Path("results/slurm/cells/retouch_phantom_tiny/CR-SP/fold-0/cyclegan/seed-0")
TRAINING_LOG = Path("logs/slurm/train/retouch_phantom_tiny-CR-SP-0-cyclegan-0.log")
STEPS = 400
PATIENCE = 300.0
# This cluster has no GPU and no accounting, and one need not wait long for it.
HERE = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5"]
NO_GPUS = [
    "--set-resources",
    *(f"{rule}:gpu=0" for rule in ("train", "segmentor", "autoencoder", "harmonize_trained", "score")),
]


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
def submitted(project, cluster):
    """Starts Snakemake, which submits the training; and what asks the cluster."""
    command = ["snakemake", "--profile", "profiles/slurm", "--configfile", "config/slurm.yaml", *HERE, *NO_GPUS]
    own = environment(project)
    own["PATH"] = f"{cluster['PATH']}:{own['PATH']}"
    log = (project / "slurm.log").open("w")
    process = subprocess.Popen([*command, "--", str(CELL / "run.json")], cwd=project, env=own, stdout=log, stderr=log)

    def ask(*asked):
        return subprocess.run(asked, env=own, capture_output=True, text=True, check=True).stdout.strip()

    yield process, ask
    log.close()
    process.terminate()
    process.wait()


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
    wait_for(lambda: list((project / "results/slurm/checkpoints").rglob("step-*")), process, log)
    assert process.wait(timeout=PATIENCE) == 0, log.read_text()[-3000:]
    assert "Trying to restart" in log.read_text()
    assert "going on from the checkpoint" in training.read_text()
    assert result(project) == undisturbed
    (project / CELL).rename(project / "cancelled")


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
