"""Small networks go both ways at once: the same losses, gradients and random numbers as one way after the other."""

from dataclasses import replace

import pytest
import torch
from test_micro_batches import METHODS, one_step
from two_scanners import context, training_set

from benchmark.methods import both_ways
from benchmark.methods.cycle import Crops, Kept
from benchmark.methods.registry import create

CPU = torch.device("cpu")


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(("name", "options", "side"), METHODS)
def test_a_step_is_that_of_one_way_after_the_other(name, options, side, monkeypatch):
    found, then = one_step(name, options, side, None)
    monkeypatch.setattr(both_ways, "SMALL", 0)
    expected, after = one_step(name, options, side, None)
    assert found.keys() == expected.keys()
    scale = max(value.abs().max() for key, value in expected.items() if key.startswith("gradient")).item()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-9, atol=1e-10 * scale, msg=key)
    assert then == after  # what is drawn next


@pytest.mark.parametrize(
    ("name", "options", "changes", "width", "said"),
    [
        ("segrenorm", {}, {}, 8, True),
        ("segrenorm", {}, {"crop": (64, 64), "batch_size": 2}, 8, True),
        ("segrenorm", {}, {"crop": (128, 128), "batch_size": 4}, 64, False),  # calls are not what costs
        ("cyclegan", {"official": True}, {"crop": (48, 48)}, 4, False),  # Zhu's generator does not say that it can
        ("cyclegan", {"variant": "paper"}, {}, 4, False),  # batch norm
    ],
)
def test_only_small_networks_that_can_go_both_ways(name, options, changes, width, said):
    task = replace(training_set().task, **changes)
    model = create(name, options)._make(task, width, CPU)
    assert both_ways.pays(model.networks, task, width) == said


def test_every_field_of_a_cycle_comes_back_in_two():
    method = create("segrenorm", {"embedding_dim": 16})
    train = training_set()
    method._model = method._make(train.task, 4, CPU)
    method._model.initialize(context(2).identity, 0.2)
    networks = method._model.networks
    torch.manual_seed(0)
    crops = {d: Crops(torch.rand(2, 1, 32, 32), torch.zeros(2, 32, 32, dtype=torch.long)) for d in networks}
    cycles = both_ways.BothWays(networks).cycles(method, crops)
    for here, there in (("source", "target"), ("target", "source")):
        alone = method.cycle(networks[here].eval(), networks[there].eval(), crops[here])
        assert type(cycles[here]) is type(alone)
        torch.testing.assert_close(cycles[here].logits, alone.logits)  # nothing is drawn before these
        assert {name: value.shape for name, value in vars(cycles[here]).items()} == {
            name: value.shape for name, value in vars(alone).items()
        }


def test_joined_batches_say_of_all_pixels_whether_they_count_or_of_none():
    images, labels = torch.rand(2, 1, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long)
    silent, telling = Crops(images, labels), Crops(-images, labels + 1, Kept.of(images > 0.5))
    assert Crops.joined([silent, silent]).kept is None
    joined = Crops.joined([telling, replace(telling, images=images)])
    assert torch.equal(joined.images, torch.cat([-images, images]))
    assert torch.equal(joined.labels, torch.ones(4, 4, 4))
    assert joined.kept.count == joined.kept.pixels.sum() == 2 * (images > 0.5).sum() > 0
    with pytest.raises(ValueError, match="some batches say which pixels count, and others do not"):
        Crops.joined([silent, telling])
