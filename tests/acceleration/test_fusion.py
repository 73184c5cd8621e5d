"""Two networks computed as one give what each gives alone, and learn the same."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from benchmark.acceleration.fusion import Fused, FusedBatch, can_be_fused
from benchmark.acceleration.grouping import Fusible, join
from benchmark.networks import (
    PatchDiscriminator,
    PatchDiscriminator70,
    ResNet9Generator,
    ResUNetGenerator,
    SegmentationUNet,
    SemanticExtractor,
    resampling,
)

SAMPLES, WIDTH, CLASSES, EMBEDDING = 3, 4, 3, 6
NETWORKS = {
    "plain generator": lambda: ResUNetGenerator(WIDTH, conditioned=False),
    "renormalized generator": lambda: ResUNetGenerator(WIDTH, conditioned=True, embedding_dim=EMBEDDING),
    "renormalized generator as worded": lambda: ResUNetGenerator(
        WIDTH, conditioned=True, embedding_dim=EMBEDDING, order="paper", gamma="paper"
    ),
    "segmentor": lambda: SegmentationUNet(CLASSES, depth=5, width=WIDTH),
    "extractor": lambda: SemanticExtractor(CLASSES, crop_size=32, width=WIDTH, embedding_dim=EMBEDDING),
    "extractor, averages": lambda: SemanticExtractor(
        CLASSES, crop_size=32, width=WIDTH, embedding_dim=EMBEDDING, pooling="paper"
    ),
    # In training, each pass changes what spectral norm divides by.
    "discriminator": lambda: PatchDiscriminator(WIDTH).eval(),
    "discriminator of Zhu et al.": lambda: PatchDiscriminator70(WIDTH),
}


def two(name):
    torch.manual_seed(1)
    networks = [NETWORKS[name]().double() for _ in range(2)]
    for parameter in (p for network in networks for p in network.parameters()):
        nn.init.normal_(parameter, std=0.3)
    return networks


def inputs(name):
    channels = CLASSES if "extractor" in name else 1
    maps = torch.rand(2 * SAMPLES, channels, 32, 32).double()
    return (maps, torch.rand(2 * SAMPLES, EMBEDDING).double()) if "renormalized" in name else (maps,)


def gradients(networks):
    found = [p.grad for network in networks for p in network.parameters()]
    for network in networks:
        network.zero_grad(set_to_none=True)
    return found


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_results_and_gradients_are_those_of_each_alone(name, crossed):
    networks, given = two(name), inputs(name)
    # A crossed pair draws for the first network first, which has the second half.
    how = {"dropout": not crossed} if name.startswith("extractor") else {}
    torch.manual_seed(2)
    halves = zip(networks[::-1] if crossed else networks, *(values.chunk(2) for values in given), strict=True)
    alone = torch.cat([network(*half, **how) for network, *half in halves])
    alone.square().sum().backward()
    expected = gradients(networks)
    torch.manual_seed(2)
    together = FusedBatch(Fused(*networks), crossed=crossed)(*given, **how)
    together.square().sum().backward()
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-9)
    largest = max(gradient.abs().max().item() for gradient in expected)
    for found, gradient in zip(gradients(networks), expected, strict=True):
        torch.testing.assert_close(found, gradient, rtol=1e-8, atol=1e-10 * largest)
    assert largest > 0
    assert not torch.allclose(*together.chunk(2))


def test_weights_are_those_of_the_last_renewal():
    networks, given = two("segmentor"), inputs("segmentor")
    fused = Fused(*networks)
    before = FusedBatch(fused)(*given)
    with torch.no_grad():
        networks[1].encoder[0].weight.mul_(2)
    assert torch.equal(FusedBatch(fused)(*given), before)
    fused.renew()
    after = FusedBatch(fused)(*given)
    assert torch.equal(*(made[:SAMPLES] for made in (before, after)))
    assert not torch.equal(*(made[SAMPLES:] for made in (before, after)))


def test_it_says_what_both_networks_say():
    networks = two("segmentor")
    pair = FusedBatch(Fused(*networks))
    assert pair.required_multiple == 32
    with pytest.raises(AttributeError, match="'SegmentationUNet' object has no attribute 'other'"):
        pair.other  # noqa: B018
    networks[0].other, networks[1].other = 1, 2
    for name in ("other", "encoder"):
        with pytest.raises(AttributeError, match=f"'{name}' of two fused networks is not one"):
            getattr(pair, name)
    assert not list(pair.parameters())


def test_tensors_have_a_place():
    pair = FusedBatch(Fused(*two("renormalized generator")))
    images, embedding = inputs("renormalized generator")
    with pytest.raises(TypeError, match="takes tensors by their place, and was given 'embedding'"):
        pair(images, embedding=embedding)


def test_dropout_follows_the_networks():
    networks, given = two("extractor"), inputs("extractor")
    fused = Fused(*networks)
    pair = FusedBatch(fused)
    assert not torch.equal(pair(*given), pair(*given))
    for network in networks:
        network.eval()
    fused.renew()
    assert torch.equal(pair(*given), pair(*given))


def test_ways_that_save_time_in_large_networks_are_not_for_fused_ones(monkeypatch):
    """They do not know of groups."""
    networks, given = two("plain generator"), inputs("plain generator")
    expected = torch.cat([network(half) for network, half in zip(networks, given[0].chunk(2), strict=True)])
    monkeypatch.setattr(resampling, "PRODUCTS", 0)
    monkeypatch.setattr(resampling, "LARGE", 0)
    torch.testing.assert_close(FusedBatch(Fused(*networks))(*given), expected)


def test_only_who_says_so_can_be_fused():
    class Other(SegmentationUNet):
        """May well do something else with channels."""

    class Counting(SegmentationUNet, Fusible):
        def __init__(self):
            super().__init__(CLASSES, depth=5, width=WIDTH)
            self.register_buffer("calls", torch.zeros(()))

    assert all(can_be_fused(make()) for make in NETWORKS.values())
    assert not can_be_fused(Other(CLASSES, depth=5, width=WIDTH))
    assert not can_be_fused(Counting())
    assert not can_be_fused(ResUNetGenerator(WIDTH, conditioned=False, order="paper"))  # batch norm
    assert not can_be_fused(ResNet9Generator(WIDTH))
    hooked = NETWORKS["segmentor"]()
    hooked.encoder[0].register_forward_hook(lambda *_: None)
    assert not can_be_fused(hooked)


def test_every_network_that_says_so_is_among_them():
    said = {network for network in Fusible.__subclasses__() if network.__module__.startswith("benchmark.")}
    assert {type(make()) for make in NETWORKS.values()} == said


def test_spectral_norm_iterates_once_for_each_renewal_and_stays_with_its_network():
    networks = [PatchDiscriminator(WIDTH).double() for _ in range(2)]
    expected = deepcopy(networks)
    fused = Fused(*networks)
    for _ in range(2):
        fused.renew()
        together = FusedBatch(fused)(torch.ones(2, 1, 32, 32).double())
        alone = torch.cat([network(torch.ones(1, 1, 32, 32).double()) for network in expected])
        torch.testing.assert_close(together, alone)
    assert [n for n, _ in networks[0].named_parameters()] == [n for n, _ in expected[0].named_parameters()]
    for network, other in zip(networks, expected, strict=True):
        assert len([*network.buffers()]) == 6
        for buffer, theirs in zip(network.buffers(), other.buffers(), strict=True):
            torch.testing.assert_close(buffer, theirs)


def test_joined_maps_keep_their_networks():
    first, second = torch.rand(2, 4, 3, 3), torch.rand(2, 6, 3, 3)
    joined = join(first, second, 2)
    for network, (a, b, both) in enumerate(zip(*(m.chunk(2, dim=1) for m in (first, second, joined)), strict=True)):
        assert torch.equal(both, torch.cat([a, b], dim=1)), network
    assert torch.equal(join(first, second, 1), torch.cat([first, second], dim=1))
