"""Fused networks go both ways at once: the same losses, gradients and random numbers as one way after the other."""

from dataclasses import replace

import pytest
import torch
from benchmark.methods.adversarial_training import AdversarialTraining
from test_micro_batches import METHODS, one_step
from two_scanners import DEVICE, context, initialize, training_set

from benchmark.methods import fused_cycles
from benchmark.methods.cycle import Crops, Kept
from benchmark.methods.registry import create, method_class
from benchmark.training.device import make_fabric

CPU = torch.device("cpu")


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(("name", "options", "side"), METHODS)
def test_a_step_is_that_of_one_way_after_the_other(name, options, side, monkeypatch):
    found, then = one_step(name, options, side, None)
    monkeypatch.setattr(fused_cycles, "SMALL", 0)
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
        ("segrenorm", {}, {"crop": (64, 64)}, 8, True),
        # Calls are not what costs:
        ("segrenorm", {}, {"crop": (128, 128), "batch_size": 4}, 64, False),
        ("segrenorm", {}, {"crop": (64, 64), "batch_size": 8}, 8, False),
        ("segrenorm", {}, {"crop": (256, 64)}, 8, False),
        ("segrenorm", {}, {"crop": (64, 256)}, 8, False),
        ("segrenorm", {}, {"crop": (64, 64)}, 32, False),
        ("segrenorm", {}, {}, 32, True),
        ("segrenorm", {}, {}, 64, False),
        # Zhu's generator does not say that it can be fused, and a batch norm has statistics of its own:
        ("cyclegan", {"official": True}, {"crop": (48, 48)}, 4, False),
        ("cyclegan", {"variant": "paper"}, {}, 4, False),
    ],
)
def test_only_small_networks_that_can_be_fused(name, options, changes, width, said):
    method, task = create(name, options), replace(training_set().task, **changes)
    assert fused_cycles.worth_fusing(method, method._make(task, width, CPU).networks, task, width) == said


def test_a_method_says_itself_that_it_is_fusible():
    class Other(method_class("cyclegan")):
        """Its cycle may look into networks."""

    class Another(method_class("cyclegan")):
        fusible = True

    task, said = training_set().task, []
    for method in (Other(Other.hyperparameters()), Another(Another.hyperparameters())):
        said.append(fused_cycles.worth_fusing(method, method._make(task, 4, CPU).networks, task, 4))
    assert said == [False, True]


def test_a_cycle_may_look_before_it_learns_and_each_has_the_weights_of_its_time():
    class Looking(method_class("s_cyclegan")):
        fusible = True

        def cycle(self, here, there, crops):
            with torch.no_grad():
                here["segmentor"](crops.images)
                here["discriminator"](crops.images)
            return super().cycle(here, there, crops)

    method, train = Looking(Looking.hyperparameters()), training_set()
    initialize(method, train.task, context(2))
    networks = method._model.networks
    both = fused_cycles.FusedCycles(networks)
    crops = {d: Crops(torch.rand(2, 1, 32, 32), torch.ones(2, 32, 32, dtype=torch.long)).to(DEVICE) for d in networks}
    before = both.cycles(method, crops)["target"]
    before.logits.sum().backward()
    assert networks["target"]["segmentor"].encoder[0].weight.grad.abs().max() > 0
    with torch.no_grad():
        networks["target"]["segmentor"].encoder[0].weight.mul_(2)
    after = both.cycles(method, crops)["target"]
    assert not torch.allclose(before.logits, after.logits)


@pytest.mark.parametrize("name", ["cyclegan", "segrenorm"])
def test_in_low_precision_they_err_as_much_as_one_way_after_the_other(name, monkeypatch):
    options = {"embedding_dim": 16} if name == "segrenorm" else {}
    exact = losses(name, options, "32-true")
    fused = losses(name, options, "bf16-mixed")
    monkeypatch.setattr(fused_cycles, "SMALL", 0)
    alone = losses(name, options, "bf16-mixed")
    assert fused != exact
    for key, value in exact.items():
        assert fused[key] == pytest.approx(value, abs=2 * abs(alone[key] - value) + 0.01 * abs(value)), key


def losses(name, options, precision):
    train, how = training_set(), context(2)
    method = create(name, options)
    initialize(method, train.task, how)
    torch.manual_seed(5)
    training = AdversarialTraining(method, method._model.networks, train, how, make_fabric(precision))
    return {key: loss.item() for key, loss in training.step(training.draw()).items()}


def test_every_field_of_a_cycle_comes_back_in_two():
    method = create("segrenorm", {"embedding_dim": 16})
    train = training_set()
    initialize(method, train.task, context(2))
    networks = method._model.networks
    torch.manual_seed(0)
    crops = {d: Crops(torch.rand(2, 1, 32, 32), torch.zeros(2, 32, 32, dtype=torch.long)).to(DEVICE) for d in networks}
    cycles = fused_cycles.FusedCycles(networks).cycles(method, crops)
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
