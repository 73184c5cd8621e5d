"""Both directions at once: the same losses, gradients and random numbers as one direction after the other."""

from dataclasses import replace

import pytest
import torch
from two_scanners import DEVICE, context, in_double, started, training_set

from benchmark.acceleration import fusion
from benchmark.methods.base import TrainingSet
from benchmark.methods.crops import Crops
from benchmark.methods.cycle import CycleMethod, Pair
from benchmark.methods.registry import available, create, method_class
from benchmark.networks.twins import DOMAINS, OTHER
from benchmark.training.device import make_fabric, place

pytestmark = pytest.mark.usefixtures("no_dropout_in_unets")
BATCH = 5
METHODS = [
    ("cyclegan", {"lambda_identity": 5.0, "image_pool": 3}, 32),
    ("cyclegan", {"official": True}, 48),
    ("s_cyclegan", {}, 32),
    ("s_cyclegan", {"variant": "reference"}, 32),
    ("semgan", {"semantic_dropout": 1.0}, 32),
    ("segrenorm", {"embedding_dim": 16}, 32),
]


def one_step(name, options, side):
    """Losses, gradients, buffers and the state of the random numbers after a step."""
    train = training_set(crop=(side, side))
    train = TrainingSet(in_double(train.source), in_double(train.target), replace(train.task, batch_size=BATCH))
    method = create(name, options)
    trainer = started(method, train, context(2))
    torch.manual_seed(5)
    losses = trainer.step(trainer.draw())
    found = {f"loss {key}": loss for key, loss in losses.items()}
    found |= {f"gradient of {key}": p.grad for key, p in method.network.named_parameters()}
    found |= dict(method.network.named_buffers())
    return found, torch.rand(1).item()


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(("name", "options", "side"), METHODS)
def test_a_step_is_that_of_one_direction_after_the_other(name, options, side, monkeypatch):
    found, then = one_step(name, options, side)
    monkeypatch.setattr(fusion, "SMALL", 0)
    expected, after = one_step(name, options, side)
    assert found.keys() == expected.keys()
    scale = max(value.abs().max() for key, value in expected.items() if key.startswith("gradient")).item()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-9, atol=1e-10 * scale, msg=key)
    assert len({value.abs().max().item() for value in expected.values()}) > 10
    assert then == after  # what is drawn next


def test_every_method_of_the_family_is_among_them():
    family = {name for name in available() if issubclass(method_class(name), CycleMethod)}
    assert family == {name for name, _, _ in METHODS}


def passes(method, *, width=4, **changes):
    """How often networks are called in a step."""
    task = replace(training_set().task, **changes)
    network = place(method.make_network(task, width), torch.device("cpu"))
    return len(network.passes(torch.empty(task.batch_size, 1, *task.crop)))


@pytest.mark.parametrize(
    ("name", "options", "changes", "width", "together"),
    [
        ("segrenorm", {}, {}, 8, True),
        ("segrenorm", {}, {"crop": (64, 64)}, 8, True),
        # Calls are not the cost:
        ("segrenorm", {}, {"crop": (64, 64), "batch_size": 8}, 8, False),
        ("segrenorm", {}, {"crop": (256, 64)}, 8, False),
        ("s_cyclegan", {"variant": "reference"}, {}, 32, True),
        ("s_cyclegan", {"variant": "reference"}, {"crop": (64, 64)}, 32, False),
        # Zhu's generator cannot be fused, and a batch norm has statistics of its own:
        ("cyclegan", {"official": True}, {"crop": (48, 48)}, 4, False),
        ("cyclegan", {"variant": "paper"}, {}, 4, False),
        ("segrenorm", {"variant": "paper"}, {}, 4, False),
        ("segrenorm", {"variant": "paper", "segmentor": "unet"}, {}, 4, True),
    ],
)
def test_only_small_networks_that_can_be_fused(name, options, changes, width, together):
    assert passes(create(name, options), width=width, **changes) == (1 if together else 2)


def test_each_class_states_itself_that_it_is_fusible():
    class Other(method_class("cyclegan")):
        """Its cycle may look into networks."""

    class Another(method_class("cyclegan")):
        fusible = True

    assert [passes(method(method.hyperparameters())) for method in (Other, Another)] == [2, 1]


def random_pair():
    return Pair(*(Crops(torch.rand(2, 1, 32, 32), torch.ones(2, 32, 32, dtype=torch.long)) for _ in DOMAINS)).to(DEVICE)


def test_a_cycle_may_look_before_it_learns_and_each_has_the_weights_of_its_time():
    class Looking(method_class("s_cyclegan")):
        fusible = True

        def cycle(self, here, there, crops):
            with torch.no_grad():
                here["segmentor"](crops.images)
                here["discriminator"](crops.images)
            return super().cycle(here, there, crops)

    method, train = Looking(Looking.hyperparameters()), training_set()
    started(method, train, context(2))
    weights, crops = method.networks["target"]["segmentor"].encoder[0][1].weight, random_pair()

    def logits():
        """Of the target's images."""
        [both] = method.networks.passes(crops.source.images)
        return method.cycle(both.here, both.there, Crops.joined([crops[d] for d in both.domains])).logits.chunk(2)[1]

    before = logits()
    before.sum().backward()
    assert weights.grad.abs().max() > 0
    with torch.no_grad():
        weights.mul_(2)
    assert not torch.allclose(before, logits())


@pytest.mark.parametrize("name", ["cyclegan", "segrenorm"])
def test_in_low_precision_they_err_as_much_as_one_direction_after_the_other(name, monkeypatch):
    options = {"embedding_dim": 16} if name == "segrenorm" else {}
    exact = losses(name, options, "32-true")
    fused = losses(name, options, "bf16-mixed")
    monkeypatch.setattr(fusion, "SMALL", 0)
    alone = losses(name, options, "bf16-mixed")
    assert fused != exact
    for key, value in exact.items():
        assert fused[key] == pytest.approx(value, abs=2 * abs(alone[key] - value) + 0.01 * abs(value)), key


def losses(name, options, precision):
    trainer = started(create(name, options), training_set(), context(2), make_fabric(precision))
    torch.manual_seed(5)
    return {key: loss.item() for key, loss in trainer.step(trainer.draw()).items()}


def test_the_losses_of_each_domain_are_of_its_own_samples(monkeypatch):
    """Every field of a cycle of both domains is divided between them."""
    method, train, seen = create("segrenorm", {"embedding_dim": 16}), training_set(), []
    trainer, crops, terms = started(method, train, context(2)), random_pair(), method.terms
    monkeypatch.setattr(method, "terms", lambda *given: seen.append(given) or terms(*given))
    torch.manual_seed(0)
    alone = {d: method.cycle(method.networks[d], method.networks[OTHER[d]], crops[d]) for d in DOMAINS}
    assert len(method.networks.passes(crops.source.images)) == 1
    trainer.step(crops)
    assert len(seen) == 2
    for domain, (here, there, own, cycle) in zip(DOMAINS, seen, strict=True):
        assert here is method.networks[domain]
        assert there is method.networks[OTHER[domain]]
        assert own is crops[domain]
        assert type(cycle) is type(alone[domain])
        torch.testing.assert_close(cycle.logits, alone[domain].logits)  # nothing is drawn before these
        assert {name: value.shape for name, value in vars(cycle).items()} == {
            name: value.shape for name, value in vars(alone[domain]).items()
        }


def test_joined_batches_say_of_all_pixels_whether_they_count_or_of_none():
    images, labels = torch.rand(2, 1, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long)
    silent, telling = Crops(images, labels), Crops(-images, labels + 1, images > 0.5)
    assert Crops.joined([silent, silent]).kept is None
    joined = Crops.joined([telling, replace(telling, images=images)])
    assert torch.equal(joined.images, torch.cat([-images, images]))
    assert torch.equal(joined.labels, torch.ones(4, 4, 4))
    assert torch.equal(joined.kept, torch.cat([images, images]) > 0.5)
    with pytest.raises(ValueError, match="some batches say which pixels count, and others do not"):
        Crops.joined([silent, telling])
