"""The networks once more, from the specification alone, as plain functions of a state dict.

A norm is a mean and a standard deviation written out, enlarging is repeating, and pooling is slicing.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = Mapping[str, Tensor]


def randomized(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network in float64 with every parameter and statistic drawn, so that none hides behind a 0 or a 1."""
    generator = torch.Generator().manual_seed(seed)
    network.double().eval()
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            continue
        drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        if name.endswith("running_var"):
            drawn = drawn.abs() + 0.5
        value.copy_(drawn if value.ndim == 1 else drawn / math.sqrt(value[0].numel()))
    return network


def images(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def conv(state: State, name: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), stride=stride, padding=padding)


def transposed(state: State, name: str, x: Tensor, padding: int = 1, output_padding: int = 0) -> Tensor:
    weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
    return F.conv_transpose2d(x, weight, bias, stride=2, padding=padding, output_padding=output_padding)


def linear(state: State, name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)


def relu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.0)


def standardized(x: Tensor, over: tuple[int, ...] = (2, 3)) -> Tensor:
    mean = x.mean(over, keepdim=True)
    variance = ((x - mean) ** 2).mean(over, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def batch_norm(state: State, name: str, x: Tensor, *, training: bool) -> Tensor:
    if training:
        h = standardized(x, over=(0, 2, 3))
    else:
        mean, variance = (state[f"{name}.running_{k}"].view(1, -1, 1, 1) for k in ("mean", "var"))
        h = (x - mean) / (variance + 1e-5).sqrt()
    return state[f"{name}.weight"].view(1, -1, 1, 1) * h + state[f"{name}.bias"].view(1, -1, 1, 1)


def doubled(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def adaptive_mean(x: Tensor, side: int) -> Tensor:
    height, width = x.shape[-2:]

    def bins(length: int) -> list[slice]:
        return [slice(i * length // side, -(-(i + 1) * length // side)) for i in range(side)]

    rows = [torch.stack([x[..., r, c].mean((-2, -1)) for c in bins(width)], dim=-1) for r in bins(height)]
    return torch.stack(rows, dim=-2)
