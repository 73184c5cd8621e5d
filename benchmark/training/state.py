"""The state of a training between two steps, for checkpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from benchmark.training.batches import Batches


@dataclass
class TrainingState:
    """All that a step changes, by name.

    Attributes:
        device: where the network is.
        kept: tensors kept from step to step; the lists are changed in place.
    """

    device: torch.device
    network: nn.Module
    optimizers: Mapping[str, Optimizer]
    schedules: Mapping[str, LRScheduler]
    batches: Batches[Any]
    streams: Mapping[str, np.random.Generator]
    kept: Mapping[str, list[Tensor]]

    def tensors(self) -> dict[str, Tensor]:
        """Weights, buffers, moments, kept images and the state of PyTorch's own random numbers."""
        found = {"random/cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            found["random/cuda"] = torch.cuda.get_rng_state(self.device)
        found |= {f"network/{key}": value for key, value in self.network.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for index, moments in optimizer.state_dict()["state"].items():
                found |= {f"optimizer/{name}/{index}/{key}": value for key, value in moments.items()}
        for name, images in self.kept.items():
            found |= {f"kept/{name}/{index}": image for index, image in enumerate(images)}
        return found

    def values(self) -> dict[str, Any]:
        """Everything else, as JSON."""
        return {
            "groups": {name: optimizer.state_dict()["param_groups"] for name, optimizer in self.optimizers.items()},
            "schedules": {name: schedule.state_dict() for name, schedule in self.schedules.items()},
            "batches": self.batches.state(),
            "streams": {name: stream.bit_generator.state for name, stream in self.streams.items()},
            "kept": {name: len(images) for name, images in self.kept.items()},
        }

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Restores what the other two methods returned."""
        self.network.load_state_dict(_below(tensors, "network/"))
        for name, optimizer in self.optimizers.items():
            self._restore_optimizer(optimizer, _below(tensors, f"optimizer/{name}/"), values["groups"][name])
        for name, schedule in self.schedules.items():
            schedule.load_state_dict(values["schedules"][name])
        self.batches.restore(values["batches"])
        for name, stream in self.streams.items():
            stream.bit_generator.state = values["streams"][name]
        for name, images in self.kept.items():
            images[:] = [tensors[f"kept/{name}/{index}"].to(self.device) for index in range(values["kept"][name])]
        torch.set_rng_state(tensors["random/cpu"])
        if self.device.type == "cuda" and "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"], self.device)

    @staticmethod
    def _restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], groups: list[dict[str, Any]]) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for path, value in tensors.items():
            index, key = path.split("/")
            like = parameters[int(index)]
            # As the optimizer would have made it: a moment has the memory layout of its weights.
            moment = torch.empty_like(like).copy_(value) if value.shape == like.shape and value.ndim else value
            state.setdefault(int(index), {})[key] = moment
        optimizer.load_state_dict({"state": state, "param_groups": groups})


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
