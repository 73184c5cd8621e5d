"""A training that runs out of memory keeps its checkpoint, says so with a code of its own, and the next try fits."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import small_benchmark as small
import torch
from benchmark.methods.adversarial_training import AdversarialTraining

from benchmark import cli
from benchmark.judges.autoencoder import train_autoencoder
from benchmark.judges.segmentor import train_segmentor
from benchmark.pipeline.cell import train_cell
from benchmark.runtime import paths
from benchmark.runtime.errors import ModelError, OutOfMemory
from benchmark.runtime.memory import ran_out
from benchmark.runtime.paths import Cell
from benchmark.training.memory import NOTE
from benchmark.training.resuming import discard

CELL = Cell("small", small.DATASET, "AA", "BB", 0, "segrenorm", 0)
LEFT = paths.checkpoints("small", CELL.model)


class Gpu:
    """Convolutions of more samples than fit raise what PyTorch raises on a GPU.

    Attributes:
        fits: samples; a discriminator sees two for each of a micro-batch.
    """

    def __init__(self, monkeypatch, fits):
        self.fits, self.real = fits, torch.nn.Conv2d.forward
        monkeypatch.setattr(torch.nn.Conv2d, "forward", lambda module, images: self.forward(module, images))

    def forward(self, module, images):
        if len(images) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.real(module, images)


def config(batch=4, **options):
    return small.benchmark_config(
        methods={"segrenorm": {"embedding_dim": 16, **options}, "cyclegan": {"block": "paper"}},
        proposed="segrenorm",
        datasets={small.DATASET: {"training": {"crop": [32, 16], "batch_size": batch}}},
        checkpoint_every=3,
    )


@pytest.fixture
def small_gpu(monkeypatch):
    small.lay_out()
    return Gpu(monkeypatch, fits=2)


def record():
    return json.loads(CELL.run.read_text())


def losses(history):
    """Rows of a history, without their names."""
    return [[float(value) for value in row.split(",")] for row in history.read_text().splitlines()[1:]]


def test_each_try_takes_half_of_what_did_not_fit(small_gpu):
    for taken, following in ((4, 2), (2, 1)):
        message = rf"not enough memory for {taken} of its batch of 4 at a time\. Run it again.* with {following} at a"
        with pytest.raises(OutOfMemory, match=message):
            train_cell(config(), CELL)
    train_cell(config(), CELL)
    assert record()["micro_batch"] == 1
    in_parts = losses(CELL.history)
    discard("small", CELL.model)
    assert not LEFT.exists()
    small_gpu.fits = 8
    train_cell(config(), CELL)
    assert record()["micro_batch"] == 4
    # Later, Adam makes more of the rounding of weights whose gradient is next to nothing.
    for ours, theirs in zip(in_parts[:3], losses(CELL.history)[:3], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-2)


def test_the_checkpoint_is_kept_and_gone_on_from_and_said(small_gpu, monkeypatch, caplog):
    small_gpu.fits, steps = 8, []
    real = AdversarialTraining.step

    def step(self, crops):
        steps.append(1)
        if len(steps) == 5:
            small_gpu.fits = 4
        return real(self, crops)

    with monkeypatch.context() as patch:
        patch.setattr(AdversarialTraining, "step", step)
        with pytest.raises(OutOfMemory):
            train_cell(config(), CELL)
    assert not CELL.model.exists()
    assert {path.name for path in LEFT.iterdir()} == {NOTE, "step-000000003"}
    train_cell(config(), CELL)
    assert record()["micro_batch"] == 2
    assert record()["resumed_at_step"] == 3
    assert [origin["micro_batch"] for origin in record()["earlier_origins"]] == [4]
    assert "in other micro-batches: bits may differ" in caplog.text
    assert "batches of 4 go through in parts of 2" in caplog.text


def test_other_settings_begin_with_the_whole_batch(small_gpu):
    with pytest.raises(OutOfMemory):
        train_cell(config(batch=2), CELL)
    small_gpu.fits = 4
    train_cell(config(batch=2, lambda_cyc=5.0), CELL)
    assert record()["micro_batch"] == 2


def test_where_one_at_a_time_does_not_fit_the_config_must_change(small_gpu):
    small_gpu.fits = 0
    with pytest.raises(OutOfMemory, match=r"for 1 of its batch of 1 at a time. Lower the width"):
        train_cell(config(batch=1), CELL)
    assert not (LEFT / NOTE).exists()


def test_batch_norm_is_a_reason_against_smaller_ones(small_gpu):
    cell = Cell("small", small.DATASET, "AA", "BB", 0, "cyclegan", 0)
    with pytest.raises(OutOfMemory, match=r"would have other gradients: BatchNorm2d .* whole batch. Lower the width"):
        train_cell(config(), cell)
    assert not (paths.checkpoints("small", cell.model) / NOTE).exists()
    with pytest.raises(OutOfMemory, match="BatchNorm2d"):
        train_autoencoder(config(), small.DATASET, small.PAIR, 0)


def test_a_segmentor_in_parts_is_the_same(small_gpu):
    folder = paths.segmentor("small", small.DATASET, "AA", 0)
    small_gpu.fits = 1
    with pytest.raises(OutOfMemory, match="for 2 of its batch of 2"):
        train_segmentor(config(), small.DATASET, "AA", 0)
    train_segmentor(config(), small.DATASET, "AA", 0)
    assert json.loads((folder / "run.json").read_text())["micro_batch"] == 1
    in_parts = losses(folder / "history.csv")
    small_gpu.fits = 2
    train_segmentor(config(), small.DATASET, "AA", 0)
    for ours, theirs in zip(in_parts, losses(folder / "history.csv"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-2)


def test_what_the_machine_lacks_is_no_reason_for_smaller_ones(small_gpu, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 68719476736 bytes.")

    with monkeypatch.context() as patch:
        patch.setattr(small_gpu, "real", fail)
        small_gpu.fits = 8
        with pytest.raises(OutOfMemory, match=r"the machine has not enough memory for it\. Run it again with more"):
            train_cell(config(), CELL)
    assert not (LEFT / NOTE).exists()


def test_a_damaged_note_is_told(small_gpu):
    LEFT.mkdir(parents=True)
    (LEFT / NOTE).write_text("{")
    with pytest.raises(ModelError, match=f"{NOTE}: is damaged .* Delete it"):
        train_cell(config(), CELL)


def test_another_error_of_pytorch_is_a_bug(small_gpu, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    small_gpu.fits = 8
    monkeypatch.setattr(small_gpu, "real", fail)
    with pytest.raises(RuntimeError, match="mat1"):
        train_cell(config(), CELL)


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


def test_a_process_that_gets_no_more_memory_ends_with_a_message():
    """A limit on addresses stands in for the machine."""
    small.lay_out()
    wide = small.benchmark_config(
        methods={"cyclegan": {}}, proposed="cyclegan", training={"width": 256, "schedule": small.SCHEDULE}
    )
    Path("config.json").write_text(wide.model_dump_json())
    arguments = ["step", "train", "config.json", small.DATASET, small.PAIR, "0", "cyclegan", "0"]
    limited = (
        "import resource, sys, psutil, lightning_fabric; from benchmark.cli import main; "
        "most = psutil.Process().memory_info().vms + 2**30; "
        "resource.setrlimit(resource.RLIMIT_AS, (most, most)); "
        f"sys.argv = ['hbench', *{arguments!r}]; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", limited], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 75, done.stderr[-2000:]
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: the training of cyclegan on tiny: the machine has not enough memory for it. Run it")
    assert "Traceback" not in done.stderr
