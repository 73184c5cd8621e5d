"""A batch that goes through the networks in parts has the gradients of one that goes as a whole, and its losses."""

from dataclasses import replace

import pytest
import torch
from benchmark.methods.adversarial_training import AdversarialTraining
from benchmark.networks.microbatch import dropout, indivisible, micro_batches
from torch import nn
from two_scanners import context, in_double, initialize, training_set

from benchmark.methods import fused_cycles
from benchmark.methods.base import TrainingSet
from benchmark.methods.cycle import DOMAINS, Crops, Kept
from benchmark.methods.objective import l1_loss, weighted_cross_entropy, weighted_reference
from benchmark.methods.registry import available, create, method_class
from benchmark.training.device import make_fabric

BATCH = 5
CPU = torch.device("cpu")
METHODS = [
    ("cyclegan", {"lambda_identity": 5.0, "image_pool": 3}, 32),
    ("cyclegan", {"official": True}, 48),
    ("s_cyclegan", {}, 32),
    ("semgan", {"semantic_dropout": 1.0}, 32),
    ("segrenorm", {"embedding_dim": 16}, 32),
]


def one_step(name, options, side, size):
    """Losses, gradients, buffers and the state of the random numbers after a step."""
    train = training_set(crop=(side, side))
    train = TrainingSet(in_double(train.source), in_double(train.target), replace(train.task, batch_size=BATCH))
    how = context(2, micro_batch=size)
    method = create(name, options)
    initialize(method, train.task, how)
    torch.manual_seed(5)
    training = AdversarialTraining(method, method._model.networks, train, how, make_fabric())
    losses = training.step(training.draw())
    found = {f"loss {key}": loss for key, loss in losses.items()}
    for domain in DOMAINS:
        for role, network in method._model.networks[domain].items():
            found |= {f"gradient of {domain} {role} {key}": p.grad for key, p in network.named_parameters()}
            found |= {f"{domain} {role} {key}": buffer for key, buffer in network.named_buffers()}
    return found, torch.rand(1).item()


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(("name", "options", "side"), METHODS)
@pytest.mark.parametrize(("size", "small"), [(1, fused_cycles.SMALL), (2, fused_cycles.SMALL), (2, 0)])
def test_gradients_and_losses_are_those_of_the_whole_batch(name, options, side, size, small, monkeypatch):
    monkeypatch.setattr(fused_cycles, "SMALL", small)
    expected, after = one_step(name, options, side, None)
    found, then = one_step(name, options, side, size)
    assert found.keys() == expected.keys()
    gradients = [key for key in expected if key.startswith("gradient")]
    scale = max(expected[key].abs().max() for key in gradients).item()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-10, atol=1e-10 * scale, msg=key)
    assert len({value.abs().max().item() for value in expected.values()}) > 10
    assert then == after  # what is drawn next


def test_every_adversarial_method_is_among_them():
    learned = {name for name in available() if method_class(name).kind == "learned"}
    assert learned == {name for name, _, _ in METHODS}


def test_pixels_that_do_not_count_are_weighted_over_the_whole_batch():
    random = torch.Generator().manual_seed(0)
    pixels = torch.rand(3, 1, 4, 4, generator=random) < 0.5
    pixels[2] = False  # a micro-batch without a single pixel
    crops = Crops(torch.rand(3, 1, 4, 4, generator=random), torch.ones(3, 4, 4, dtype=torch.long), Kept.of(pixels))
    logits = torch.rand(3, 2, 4, 4, generator=random)
    reference = weighted_reference(crops.labels, torch.tensor([0.2, 0.8]))
    cycle, entropy = torch.zeros(()), torch.zeros(())
    for micro in micro_batches(3, 1, CPU):
        part = crops.part(micro)
        cycle += micro.share * l1_loss(part.images, torch.zeros(()), part.kept)
        entropy += micro.share * weighted_cross_entropy(logits[micro.samples], reference[micro.samples], part.kept)
    torch.testing.assert_close(cycle, crops.images[pixels].mean())
    torch.testing.assert_close(entropy, weighted_cross_entropy(logits, reference, crops.kept))


def test_dropout_zeroes_what_it_would_in_the_whole_batch():
    values = torch.rand(5, 7) + 1
    torch.manual_seed(1)
    whole = dropout(values, 0.5, training=True)
    torch.manual_seed(1)
    parts = [dropout(values[micro.samples], 0.5, training=True) for micro in micro_batches(5, 2, CPU)]
    assert torch.equal(torch.cat(parts), whole)
    assert 0 < (whole == 0).sum() < whole.numel()
    without = [dropout(values[micro.samples], 0.5, training=False) for micro in micro_batches(5, 2, CPU)]
    assert torch.equal(torch.cat(without), values)


@pytest.mark.parametrize(
    ("layer", "said"),
    [(nn.BatchNorm2d(3), "BatchNorm2d standardizes over the whole batch"), (nn.Dropout(0.5), "Dropout draws for")],
)
def test_a_layer_that_mixes_samples_is_a_reason_against_it(layer, said):
    assert said in indivisible([nn.Linear(1, 1), nn.Sequential(nn.Conv2d(1, 1, 1), layer)])
    assert indivisible([nn.Sequential(nn.InstanceNorm2d(3))]) is None


@pytest.mark.parametrize("name", ["cyclegan", "s_cyclegan", "semgan"])
def test_paper_blocks_have_batch_norm(name):
    task = training_set().task
    assert "BatchNorm2d" in create(name, {"block": "paper"}).indivisible(task)
    assert create(name, {"block": "reference"}).indivisible(task) is None


def test_methods_without_networks_take_whole_batches():
    assert "whole batches" in create("histogram_matching", {}).indivisible(training_set().task)
