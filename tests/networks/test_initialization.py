"""Where the weights of a network come from."""

import pytest
import torch
from torch import nn

from benchmark.networks.autoencoder import MultitaskAutoencoder
from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.residual_unet import ReferenceResUNet, ResidualUNet
from benchmark.networks.resnet import ResNet9Generator
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.networks.semantic_extractor import SemanticExtractor

NETWORKS = {
    "renormalized": lambda: ResUNetGenerator(4, conditioned=True, embedding_dim=32),
    "renormalized, paper order": lambda: ResUNetGenerator(4, conditioned=True, embedding_dim=32, order="paper"),
    "plain": lambda: ResUNetGenerator(4, conditioned=False),
    "plain, paper order": lambda: ResUNetGenerator(4, conditioned=False, order="paper"),
    "resnet9": lambda: ResNet9Generator(4),
    "extractor": lambda: SemanticExtractor(3, crop_size=64, width=4, embedding_dim=32),
    "unet": lambda: SegmentationUNet(3, depth=4, width=4),
    "residual unet": lambda: ResidualUNet(3, depth=4, width=4),
    "residual unet, paper order": lambda: ResidualUNet(3, depth=4, width=4, order="paper"),
    "reference resunet": lambda: ReferenceResUNet(depth=4, width=4),
    "discriminator": lambda: PatchDiscriminator(16),
    "discriminator70": lambda: PatchDiscriminator70(4),
    "autoencoder": lambda: MultitaskAutoencoder(4),
}


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=NETWORKS, name="make")
def _make(request):
    return NETWORKS[request.param]


def test_every_parameter_is_drawn_as_the_paper_says(make):
    network = make()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1e6)
    initialize_weights(network, seeded(0))
    batch_norm_scales = {id(m.weight) for m in network.modules() if isinstance(m, nn.BatchNorm2d)}
    scales = [p for p in network.parameters() if id(p) in batch_norm_scales]
    weights = torch.cat([p.flatten() for p in network.parameters() if p.ndim > 1])
    assert weights.mean().item() == pytest.approx(0, abs=5 * 0.02 / len(weights) ** 0.5)
    assert weights.std().item() == pytest.approx(0.02, rel=4 / (2 * len(weights)) ** 0.5)
    assert all((p == 0).all() for p in network.parameters() if p.ndim == 1 and id(p) not in batch_norm_scales)
    if scales:
        drawn = torch.cat(scales)
        assert drawn.mean().item() == pytest.approx(1, abs=5 * 0.02 / len(drawn) ** 0.5)
        assert drawn.std().item() == pytest.approx(0.02, rel=4 / (2 * len(drawn)) ** 0.5)


def test_the_generator_is_the_only_source_of_randomness(make):
    torch.manual_seed(1)
    first = make()
    torch.manual_seed(2)
    second = make()
    before = torch.random.get_rng_state()
    initialize_weights(first, seeded(7))
    initialize_weights(second, seeded(7))
    assert torch.equal(torch.random.get_rng_state(), before)
    for (name, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    initialize_weights(second, seeded(8))
    assert any(
        not torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("training", [True, False])
def test_spectral_norm_fits_the_weights_that_were_drawn(training):
    network = PatchDiscriminator(16).train(training)
    initialize_weights(network, seeded(0))
    assert all(module.training is training for module in network.modules())
    network.eval()
    for layer in (0, 2, 4):
        norm = torch.linalg.matrix_norm(network.layers[layer].weight.flatten(1), 2).item()
        assert norm == pytest.approx(1, abs=0.1)


def test_the_deviation_scales_weights_and_leaves_batch_norms_alone():
    drawn = []
    for deviation in (0.02, 0.06):
        network = MultitaskAutoencoder(4)
        initialize_weights(network, seeded(0), deviation)
        drawn.append(network.state_dict())
    norms = {f"{name}.weight" for name, m in MultitaskAutoencoder(4).named_modules() if isinstance(m, nn.BatchNorm2d)}
    for name, narrow in drawn[0].items():
        if narrow.ndim > 1:
            torch.testing.assert_close(drawn[1][name], 3 * narrow)
        elif name in norms:
            torch.testing.assert_close(drawn[1][name], narrow)
