"""A training that runs out of memory keeps its checkpoint, ends with an exit code of its own, and can be resumed."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import small_benchmark as small
import torch

from benchmark import cli
from benchmark.judges.autoencoder import train_autoencoder
from benchmark.judges.segmentor import train_segmentor
from benchmark.pipeline.training import train_cell
from benchmark.runtime import paths
from benchmark.runtime.memory import ran_out
from benchmark.runtime.paths import Cell
from benchmark.training.resuming import discard
from benchmark.training.trainer import Trainer

CELL = Cell("small", small.DATASET, "AA", "BB", 0, "segrenorm", 0)
OF_GPU = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
OF_MACHINE = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 68719476736 bytes.")
SAID = {
    OF_GPU: r"the GPU has not enough memory for it\. Lower the width, the crop or the batch_size in the config",
    OF_MACHINE: r"the machine has not enough memory for it\. Run it again with more memory .* its last checkpoint",
}


def config():
    return small.benchmark_config(
        methods={"segrenorm": {"embedding_dim": 16}}, proposed="segrenorm", checkpoint_every=3
    )


@pytest.fixture
def fails_once(monkeypatch):
    """Has the fifth step of a training, and only that, raise an error."""
    small.lay_out()
    taken, real = [], Trainer.step

    def patch(error):
        def step(self, batch):
            taken.append(batch)
            if len(taken) == 5:
                raise error
            return real(self, batch)

        monkeypatch.setattr(Trainer, "step", step)

    return patch


TRAININGS = {
    "cell": (CELL.model, lambda: train_cell(config(), CELL)),
    "segmentor": (
        paths.segmentor("small", small.DATASET, "AA", 0),
        lambda: train_segmentor(config(), small.DATASET, "AA", 0),
    ),
    "autoencoder": (
        paths.autoencoder("small", small.DATASET, small.PAIR, 0),
        lambda: train_autoencoder(config(), small.DATASET, small.PAIR, 0),
    ),
}


@pytest.mark.parametrize(("training", "error"), [("cell", OF_GPU), ("segmentor", OF_GPU), ("autoencoder", OF_MACHINE)])
def test_the_checkpoint_is_kept_and_the_next_try_goes_on_to_the_same_bits(training, error, fails_once, capsys):
    folder, train = TRAININGS[training]
    record = CELL.run if training == "cell" else folder / "run.json"
    fails_once(error)
    with pytest.raises(SystemExit) as caught, cli.reported_errors():
        train()
    assert caught.value.code == 75
    assert re.search(SAID[error], capsys.readouterr().err)
    assert not folder.exists()
    assert [path.name for path in paths.checkpoints("small", folder).iterdir()] == ["step-000000003"]
    train()
    assert json.loads(record.read_text())["resumed_at_step"] == 3
    resumed = small.model_files(folder)
    discard("small", folder)
    train()
    assert "resumed_at_step" not in json.loads(record.read_text())
    assert small.model_files(folder) == resumed


def test_another_error_of_pytorch_is_a_failure_of_the_method(fails_once):
    fails_once(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    train_cell(config(), CELL)
    record = json.loads(CELL.run.read_text())
    assert record["status"] == "failed"
    assert record["reason"] == "RuntimeError: mat1 and mat2 shapes cannot be multiplied"


def test_another_error_of_pytorch_in_a_judge_is_a_bug(fails_once):
    fails_once(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        train_segmentor(config(), small.DATASET, "AA", 0)


@pytest.mark.parametrize(
    ("error", "whose"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), "GPU"),
        (RuntimeError("CUDA error: out of memory"), "GPU"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "GPU"),
        (MemoryError(), "machine"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "machine"),
        (RuntimeError("std::bad_alloc"), "machine"),
        (RuntimeError("another"), None),
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (ValueError("out of memory"), None),
    ],
)
def test_errors_are_told_apart(error, whose, monkeypatch, capsys):
    assert ran_out(error) == whose

    def fail():
        raise error

    monkeypatch.setattr(cli, "app", fail)
    if whose:
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 75
        assert capsys.readouterr().err.startswith(f"error: the {whose}'s memory: is used up (")


@pytest.mark.processes
def test_a_process_that_gets_no_more_memory_ends_with_a_message():
    """A limit on addresses stands in for the machine."""
    small.lay_out()
    wide = small.benchmark_config(
        methods={"cyclegan": {}}, proposed="cyclegan", training={"width": 128, "schedule": small.SCHEDULE}
    )
    Path("config.json").write_text(wide.model_dump_json())
    arguments = ["step", "train", "config.json", small.DATASET, small.PAIR, "0", "cyclegan", "0"]
    limited = (
        "import resource, sys, psutil, lightning_fabric; from benchmark.cli import main; "
        "most = psutil.Process().memory_info().vms + 2**29; "
        "resource.setrlimit(resource.RLIMIT_AS, (most, most)); "
        f"sys.argv = ['hbench', *{arguments!r}]; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", limited], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 75, done.stderr[-2000:]
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: the training of cyclegan on tiny: the machine has not enough memory for it. Run it")
    assert "Traceback" not in done.stderr
