"""The loop that the benchmark's training is compared with trains the same networks towards the same objective."""

from dataclasses import replace

import pytest
import torch
from two_scanners import context, in_double, training_set

from benchmark.acceleration import fusion, resampling, winograd
from benchmark.methods.base import TrainingSet
from benchmark.methods.registry import create
from benchmark.training.device import make_fabric
from benchmark.training.trainer import Trainer
from studies.plain import PlainTraining

STEPS = 2


@pytest.mark.usefixtures("double_precision", "no_dropout_in_unets")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cyclegan", {}),
        ("s_cyclegan", {"halved_adversarial": False}),
        ("semgan", {"semantic_dropout": 1.0}),
        ("semgan", {"semantic_dropout": 1.0, "variant": "reference"}),
        ("segrenorm", {"embedding_dim": 16}),
        # A batch norm in S and Q would keep both directions apart.
        ("segrenorm", {"embedding_dim": 16, "variant": "paper", "segmentor": "unet"}),
    ],
)
@pytest.mark.parametrize("size", ["small", "large"])
def test_both_have_the_same_losses_step_by_step(name, options, size, monkeypatch):
    if size == "large":  # one direction after the other, and all ways that save time in large networks
        monkeypatch.setattr(fusion, "SMALL", 0)
        monkeypatch.setattr(resampling, "PRODUCTS", 0)
        monkeypatch.setattr(resampling, "LARGE", 0)
        for way in ("PLAIN", "ENLARGED"):
            monkeypatch.setattr(winograd, way, replace(getattr(winograd, way), channels=0, work=0))
    train = training_set()
    train = TrainingSet(in_double(train.source), in_double(train.target), replace(train.task, batch_size=3))
    how = context(2 * STEPS, initial_std=0.2)
    method, fabric = create(name, options), make_fabric()
    method.begin(train.task, how)
    plain = PlainTraining(method, fabric.device)
    own = Trainer(method.recipe(train, how), fabric)
    batches = [own.draw() for _ in range(STEPS)]
    torch.manual_seed(0)
    expected = [plain.step(batch) for batch in batches]
    torch.manual_seed(0)
    assert len(method.networks.passes(batches[0].source.images)) == (1 if size == "small" else 2)
    found = [{name: loss.item() for name, loss in own.step(batch).items()} for batch in batches]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-7)
    assert expected[0] != pytest.approx(expected[-1], rel=1e-3)  # the networks did learn in between
