"""Two networks of one kind computed as one: in small networks the calls are what costs, and there are half as many.

The idea is that of Wang et al., Horizontally fused training array, MLSys 2021. The two networks keep their weights;
computed together, they lend copies of them side by side, through which gradients come back.
"""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


def can_lie_side_by_side(network: nn.Module) -> bool:
    """Whether the network's class says of itself, by ``groups``, that it can be widened.

    What its base class says does not count, as it may do something else with channels. Running statistics of a batch
    norm would not come back.
    """
    return "groups" in vars(type(network)) and not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())


class Wide:
    """A network as wide as two, with the weights of both.

    Attributes:
        network: takes and gives maps of both, one beside the other in the channels.

    Each backward pass needs copies of the weights of its own: `renew` comes before it.

    Args:
        first: a network in training that `can_lie_side_by_side`.
        second: of the same kind.
    """

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        self.network = deepcopy(first)
        self._layers: list[tuple[nn.Module, str, nn.Module, nn.Module]] = []
        self._copied = False
        for path, layer in list(self.network.named_modules()):
            if ".parametrizations" in path:
                continue
            names = [name for name, _ in layer.named_parameters(recurse=False)]
            if parametrize.is_parametrized(layer):
                # Not remove_parametrizations(): a copy shares its class with the original, and loses them for both.
                names += layer._modules.pop("parametrizations")
                layer.__class__ = type(layer).__base__
            self._layers += [(layer, name, first.get_submodule(path), second.get_submodule(path)) for name in names]
            for name in names:
                layer._parameters.pop(name, None)
            if hasattr(layer, "groups"):
                vars(layer)["groups"] = 2
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                layer.in_channels, layer.out_channels = 2 * layer.in_channels, 2 * layer.out_channels

    def renew(self) -> None:
        """The next pass takes the two networks' weights as they are then."""
        self._copied = False

    def __call__(self, *maps: Tensor, **options: Any) -> Tensor:
        """What `network` makes of maps."""
        if not self._copied:
            self._copy()
            self._copied = True
        return self.network(*maps, **options)

    def _copy(self) -> None:
        # Layers with spectral norm iterate for it where they are in training, in the weights' precision.
        first = next(layer for _, _, layer, _ in self._layers)
        with torch.autocast(next(first.parameters()).device.type, enabled=False):
            for layer, name, one, other in self._layers:
                setattr(layer, name, torch.cat([getattr(one, name), getattr(other, name)]))


class SideBySide(nn.Module):
    """Computes the first half of a batch with the first network and the second half with the second.

    Args:
        wide: both; may be shared.
        crossed: the other way round, the first half with the second network.
    """

    def __init__(self, wide: Wide, *, crossed: bool = False) -> None:
        super().__init__()
        self._wide, self._order = wide, -1 if crossed else 1

    def __getattr__(self, name: str) -> Any:
        """What networks say of themselves, such as ``required_multiple``."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self._wide.network, name)

    def forward(self, *inputs: Tensor, **options: Any) -> Tensor:
        """Inputs (2N, C, ...), each with channels of its own, to (2N, C', ...)."""
        beside = [torch.cat(values.chunk(2)[:: self._order], dim=1) for values in inputs]
        return torch.cat(self._wide(*beside, **options).chunk(2, dim=1)[:: self._order])
