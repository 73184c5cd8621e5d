"""Two networks computed as one give what each gives alone, and learn the same."""

from copy import deepcopy

import pytest
import torch
from every_network import CLASSES, NETWORKS, SAMPLES, WIDTH, assert_same, inputs, network, results
from torch import nn

from benchmark.acceleration import accelerate
from benchmark.acceleration.fusion import Fused, FusedBatch, can_be_fused
from benchmark.acceleration.grouping import Grouped, GroupedSegmentationUNet, join
from benchmark.networks.discriminator import PatchDiscriminator
from benchmark.networks.segmentation_unet import SegmentationUNet

NOT = {"plain generator, paper's order", "residual U-Net, paper's order", "ResNet9"}
NOT |= {"autoencoder", "autoencoder that recomputes"}
FUSIBLE = [name for name in NETWORKS if name not in NOT]


def two(name):
    """An accelerated pair. Spectral norm and several dropouts would change with each pass in training mode."""
    steady = "discriminator" not in name and "residual" not in name
    return nn.ModuleList(accelerate(network(name, seed)) for seed in (1, 2)).train(steady)


def both(name, size=0):
    """Inputs of both, one after the other in the samples."""
    return inputs(name, NETWORKS[name].sizes[size], 2 * SAMPLES)


def alone(networks, crossed=False):
    """Each half of a batch by its own network."""

    def work(*given, **options):
        halves = zip(reversed(networks) if crossed else networks, *(values.chunk(2) for values in given), strict=True)
        return torch.cat([each(*half, **options) for each, *half in halves])

    return work


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(("size", "crossed"), [(0, False), (1, True)])
@pytest.mark.parametrize("name", FUSIBLE)
def test_results_and_gradients_are_those_of_each_alone(name, size, crossed):
    networks, given = two(name), both(name, size)
    # A crossed pair draws for the first network first, which has the second half of the batch.
    options = {"dropout": not crossed} if name.startswith("extractor") else {}
    expected = results(alone(networks, crossed), *given, module=networks, **options)
    found = results(FusedBatch(Fused(*networks), crossed=crossed), *given, module=networks, **options)
    assert_same(found, expected)
    assert not torch.allclose(*found["output 0"].chunk(2))


@pytest.mark.usefixtures("always")
def test_fast_ways_of_large_networks_are_not_taken(monkeypatch, taken):
    """They expect a single network."""
    networks, given = two("plain generator"), both("plain generator")
    for name in ("fold", "unfold"):
        monkeypatch.setattr(torch.nn.functional, name, None)
    FusedBatch(Fused(*networks))(*given)
    assert not taken


def test_weights_are_those_of_the_last_renewal():
    networks, given = two("U-Net"), both("U-Net")
    fused = Fused(*networks)
    before = FusedBatch(fused)(*given)
    with torch.no_grad():
        networks[1].encoder[0].weight.mul_(2)
    assert torch.equal(FusedBatch(fused)(*given), before)
    fused.renew()
    after = FusedBatch(fused)(*given)
    assert torch.equal(*(made[:SAMPLES] for made in (before, after)))
    assert not torch.equal(*(made[SAMPLES:] for made in (before, after)))


def test_gradients_flow_after_a_first_call_without_them():
    networks, given = two("U-Net"), both("U-Net")
    expected = results(alone(networks), *given, module=networks)
    pair = FusedBatch(Fused(*networks))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        pair(*given)
    assert_same(results(pair, *given, module=networks), expected)


def test_attributes_of_both_networks_are_those_of_the_pair():
    networks = two("U-Net")
    pair = FusedBatch(Fused(*networks))
    assert pair.required_multiple == 16
    with pytest.raises(AttributeError, match="'GroupedSegmentationUNet' object has no attribute 'other'"):
        pair.other  # noqa: B018
    networks[0].other, networks[1].other = 1, 2
    for name in ("other", "encoder"):
        with pytest.raises(AttributeError, match=f"'{name}' of two fused networks is not one"):
            getattr(pair, name)
    assert not list(pair.parameters())


def test_dropout_follows_the_mode_of_the_networks():
    networks, given = two("extractor"), both("extractor")
    fused = Fused(*networks)
    pair = FusedBatch(fused)
    assert not torch.equal(pair(*given), pair(*given))
    networks.eval()
    fused.renew()
    assert torch.equal(pair(*given), pair(*given))


def test_only_networks_that_are_declared_can_be_fused():
    class Other(SegmentationUNet):
        """May do something else with channels."""

    class OtherGrouped(GroupedSegmentationUNet):
        """Too."""

    class Counting(GroupedSegmentationUNet, Grouped):
        def __init__(self):
            super().__init__(CLASSES, depth=4, width=WIDTH)
            self.register_buffer("calls", torch.zeros(()))

    assert all(can_be_fused(accelerate(NETWORKS[name].make())) for name in FUSIBLE)
    assert not any(can_be_fused(accelerate(NETWORKS[name].make())) for name in NOT)  # all but one have batch norm
    assert not any(can_be_fused(each.make()) for each in NETWORKS.values())  # before they are accelerated
    assert not any(can_be_fused(accelerate(kind(CLASSES, depth=4, width=WIDTH))) for kind in (Other, OtherGrouped))
    assert not can_be_fused(Counting())


def test_every_network_that_is_declared_is_tested_here():
    declared = {kind for kind in Grouped.__subclasses__() if kind.__module__.startswith("benchmark.")}
    assert {type(accelerate(NETWORKS[name].make())) for name in FUSIBLE} == declared


def test_spectral_norm_iterates_once_for_each_renewal_and_stays_with_its_network():
    networks = [accelerate(PatchDiscriminator(WIDTH).double()) for _ in range(2)]
    expected = deepcopy(networks)
    fused = Fused(*networks)
    for _ in range(2):
        fused.renew()
        together = FusedBatch(fused)(torch.ones(2, 1, 32, 32).double())
        each = torch.cat([network(torch.ones(1, 1, 32, 32).double()) for network in expected])
        torch.testing.assert_close(together, each)
    assert [n for n, _ in networks[0].named_parameters()] == [n for n, _ in expected[0].named_parameters()]
    for own, other in zip(networks, expected, strict=True):
        assert len([*own.buffers()]) == 6
        for buffer, theirs in zip(own.buffers(), other.buffers(), strict=True):
            torch.testing.assert_close(buffer, theirs)


def test_joined_maps_keep_their_networks():
    first, second = torch.rand(2, 4, 3, 3), torch.rand(2, 6, 3, 3)
    joined = join(first, second, 2)
    for place, (a, b, both) in enumerate(zip(*(m.chunk(2, dim=1) for m in (first, second, joined)), strict=True)):
        assert torch.equal(both, torch.cat([a, b], dim=1)), place
    assert torch.equal(join(first, second, 1), torch.cat([first, second], dim=1))
