"""Initialization of every trained network: normal, with σ = 0.02 in the paper (Section III, App. A)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

STANDARD_DEVIATION = 0.02
POWER_ITERATIONS = 15


def initialize_weights(network: nn.Module, generator: torch.Generator, deviation: float = STANDARD_DEVIATION) -> None:
    """Draws all weights of a network anew, in place.

    Weights of convolutions and linear layers have the standard deviation ``deviation`` and biases are zero; scales of
    batch norms are N(1, 0.02) and their shifts zero, as in the implementation of Zhu et al. 2017. Under spectral norm,
    the weight before normalization is drawn, and the singular vectors are drawn anew and then iterated.

    Args:
        network: on any device; the numbers do not depend on it.
        generator: the only source of randomness, on the CPU.
        deviation: above 0; to keep the gain of layers, scale it with 1/√width.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                _initialize_linear_map(module, generator, deviation)
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.copy_(1 + STANDARD_DEVIATION * _normal(module.weight, generator))
                module.bias.zero_()


def _initialize_linear_map(
    module: nn.Conv2d | nn.ConvTranspose2d | nn.Linear, generator: torch.Generator, deviation: float
) -> None:
    if parametrize.is_parametrized(module, "weight"):
        stack = module.get_submodule("parametrizations.weight")
        assert isinstance(stack, parametrize.ParametrizationList)
        weight = stack.original
        weight.copy_(deviation * _normal(weight, generator))
        for spectral_norm in stack:
            _restart_power_iteration(spectral_norm, weight, generator)
    else:
        module.weight.copy_(deviation * _normal(module.weight, generator))
    if module.bias is not None:
        module.bias.zero_()


def _restart_power_iteration(spectral_norm: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
    for singular_vector in spectral_norm.buffers():
        singular_vector.copy_(F.normalize(_normal(singular_vector, generator), dim=0))
    was_training = spectral_norm.training
    spectral_norm.train()
    for _ in range(POWER_ITERATIONS):
        spectral_norm(weight)  # iterates in training mode only
    spectral_norm.train(was_training)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator).to(like)
