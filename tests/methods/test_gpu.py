"""On a GPU: what the processor computes, up to rounding, and the same bits every time."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from two_scanners import SLICES, context, domain, trainer_of, training_set

from benchmark.acceleration import grouping
from benchmark.judges.features import extract, load_extractor
from benchmark.judges.segmentor import load_segmentor
from benchmark.methods.base import Direction
from benchmark.methods.registry import create
from benchmark.networks import residual_unet
from benchmark.networks.autoencoder import MultitaskAutoencoder
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.residual_unet import segmentation_network
from benchmark.runtime.memory import ran_out
from benchmark.training.device import make_fabric
from benchmark.training.saved import save_networks

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

LEARNED = ("cyclegan", "s_cyclegan", "semgan", "segrenorm")
# The switches that bring in layers of their own.
VARIANTS = [
    *((name, {}) for name in LEARNED),
    ("cyclegan", {"generator": "cyclegan_resnet9"}),
    ("semgan", {"variant": "reference"}),
    ("segrenorm", {"variant": "paper"}),
]


def on_the_processor(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("benchmark.methods.learned.inference_device", lambda: torch.device("cpu"))
    monkeypatch.setattr("benchmark.judges.segmentor.inference_device", lambda: torch.device("cpu"))


def start(name, options, how, fabric):
    """A trainer of a method with its initial weights."""
    method, train = create(name, options), training_set()
    method.begin(train.task, how)
    return trainer_of(method, train, how, fabric)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_a_step_has_the_losses_of_the_processor(name, options, monkeypatch):
    for drawing in (grouping, residual_unet):  # on the device
        monkeypatch.setattr(drawing, "DROPOUT", 0.0)
    losses = []
    for fabric in (Fabric(accelerator="cpu", devices=1), make_fabric()):
        trainer = start(name, options, context(2), fabric)
        steps = [trainer.step(trainer.draw()) for _ in range(2)]
        losses.append({f"{key} {n}": value.item() for n, step in enumerate(steps) for key, value in step.items()})
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_trains_to_the_same_bits_twice_and_translates_as_the_processor_does(name, options, tmp_path, monkeypatch):
    for folder in ("first", "second"):
        method = create(name, options)
        method.fit(training_set(), context(6, initial_std=0.1))
        method.save(tmp_path / folder)
    assert next(method.network.parameters()).is_cuda
    saved = [{f.name: f.read_bytes() for f in (tmp_path / folder).iterdir()} for folder in ("first", "second")]
    assert saved[0] == saved[1]
    images = domain("source", seed=5).images[0]
    translated = [method.translate(images, direction) for direction in Direction]
    with monkeypatch.context() as patch:
        on_the_processor(patch)
        elsewhere = create(name, options)
        elsewhere.load(tmp_path / "first")
        for direction, expected in zip(Direction, translated, strict=True):
            np.testing.assert_allclose(elsewhere.translate(images, direction), expected, atol=1e-4)


def test_running_out_of_memory_is_recognized_as_the_gpus():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.uint8, device="cuda")
    assert ran_out(caught.value) == "GPU"


def test_mixed_precision_trains(tmp_path):
    method = create("segrenorm", {})
    rows = []
    method.fit(training_set(), context(6, precision="bf16-mixed", log=lambda step, losses: rows.append(losses)))
    assert all(np.isfinite(list(losses.values())).all() for losses in rows)
    assert method.translate(domain("source").images[0]).dtype == np.float32


def test_judges_give_the_results_of_the_processor(tmp_path, monkeypatch):
    segmentor = {"kind": "residual_unet", "classes": 4, "depth": 3, "width": 8}
    judges = {"segmentor": segmentation_network(**segmentor), "autoencoder": MultitaskAutoencoder(width=8)}
    for seed, (kind, network) in enumerate(judges.items()):
        initialize_weights(network, torch.Generator().manual_seed(seed))
        architecture = segmentor if kind == "segmentor" else {"width": 8}
        save_networks(tmp_path / kind, {kind: network}, {"kind": kind, "architecture": architecture})
    images = np.concatenate(domain("source", subjects=2).images)
    assert images.shape[1:] == SLICES[1:]

    def look():
        return load_segmentor(tmp_path / "segmentor").predict(images), extract(
            load_extractor(tmp_path / "autoencoder"), images
        )

    labels, features = look()
    on_the_processor(monkeypatch)
    expected_labels, expected_features = look()
    assert (labels == expected_labels).mean() > 0.999
    torch.testing.assert_close(features, expected_features, rtol=1e-3, atol=1e-5)
