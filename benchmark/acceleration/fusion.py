"""Horizontal fusion of two networks, which halves the number of calls: in small networks the calls are the cost.

After Wang et al., Horizontally fused training array, MLSys 2021. The two networks keep their weights; the fused one
works with copies side by side, through which gradients flow back.
"""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from benchmark.acceleration.grouping import Grouped
from benchmark.networks.twins import DOMAINS, Pass, Twins

SMALL = 2**17
"""Numbers of a batch's maps, at the images' size and the first layer's width, up to which fusion pays.

At width 8 and crops of 64 × 64, a fused step takes 0.79 to 0.88 of the time; at 4 crops of 64 × 64 and width 32, 1.03.
"""
WIDEST = 32
"""First layer's width up to which fusion pays: at 64, the weights are the cost (1.03 to 1.05 of the time)."""


def can_be_fused(network: nn.Module) -> bool:
    """Whether its class says so, and it has no state that a copy would keep to itself."""
    buffers = [name for name, _ in network.named_buffers()]
    return Grouped in type(network).__bases__ and all(".parametrizations." in name for name in buffers)


class Fused:
    """Two networks in one, which takes and gives maps of both, side by side in the channels.

    Args:
        first: a network that `can_be_fused`.
        second: of the same kind.
    """

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        self.networks = (first, second)
        self._fused = deepcopy(first)
        self._layers: list[tuple[nn.Module, str, nn.Module, nn.Module]] = []
        self._fresh = False
        for path, layer in list(self._fused.named_modules()):
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
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | Grouped):
                layer.groups *= 2

    def renew(self) -> None:
        """Has the next call copy the weights and modes of the two networks again.

        Needed after every backward pass, which frees the graph of the copies, and after every change of weights.
        """
        self._fresh = False

    def __call__(self, *maps: Tensor, **options: Any) -> Tensor:
        """Results (N, 2C', ...) of maps (N, 2C, ...); ``options`` go to the network as they are."""
        if not self._fresh:
            self._copy()
            self._fresh = True
        return self._fused(*maps, **options)

    def _copy(self) -> None:
        self._fused.train(self.networks[0].training)
        # The first caller may want no gradients, or bf16, in which spectral norm must not be computed.
        device = next(self.networks[0].parameters()).device.type
        with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device, enabled=False):
            for layer, name, first, second in self._layers:
                both = [getattr(first, name), getattr(second, name)]
                setattr(layer, name, both if isinstance(layer, nn.Linear) else torch.cat(both))


class FusedBatch(nn.Module):
    """Computes the first half of a batch as the first network does, and the second half as the second.

    Args:
        fused: both; may be shared.
        crossed: the other way round, the first half as the second network does.
    """

    def __init__(self, fused: Fused, *, crossed: bool = False) -> None:
        super().__init__()
        self._both, self._order = fused, -1 if crossed else 1

    def __getattr__(self, name: str) -> Any:
        """An attribute that both networks share, such as ``required_multiple``."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            first, second = (getattr(network, name) for network in self._both.networks)
            if isinstance(first, Tensor | nn.Module) or first != second:
                raise AttributeError(f"'{name}' of two fused networks is not one") from None
            return first

    def forward(self, *inputs: Tensor, **options: Any) -> Tensor:
        """Inputs (2N, C, ...), each with channels of its own, to (2N, C', ...)."""
        beside = [torch.cat(values.chunk(2)[:: self._order], dim=1) for values in inputs]
        return torch.cat(self._both(*beside, **options).chunk(2, dim=1)[:: self._order])


class FusedTwins(Twins):
    """`Twins` whose small networks are fused: both domains go through them at once.

    Dropout then draws the same numbers in another order, if a domain has more than one in a step.
    """

    _fused: tuple[Fused, ...] = ()
    _both: Pass

    def passes(self, images: Tensor) -> list[Pass]:
        """One pass with both domains where that pays, else one after the other."""
        if not self._pays(images):
            return super().passes(images)
        if not self._fused:
            self._fuse()
        for fused in self._fused:
            fused.renew()
        return [self._both]

    def _pays(self, images: Tensor) -> bool:
        networks = [*self.source.values(), *self.target.values()]
        if not self.fusible or not all(map(can_be_fused, networks)):
            return False
        convolutions = (layer for layer in self.source["generator"].modules() if isinstance(layer, nn.Conv2d))
        width = next(layer for layer in convolutions if layer.stride == (2, 2)).out_channels
        return width <= WIDEST and images.numel() * width <= SMALL

    def _fuse(self) -> None:
        by_role = {role: Fused(self.source[role], self.target[role]) for role in self.source}
        here, there = (
            nn.ModuleDict({role: FusedBatch(fused, crossed=crossed) for role, fused in by_role.items()})
            for crossed in (False, True)
        )
        self._fused, self._both = tuple(by_role.values()), Pass(DOMAINS, here, there)
