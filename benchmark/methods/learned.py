"""What methods with networks share: training by the trainer, translation in batches, saving and loading."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import PositiveInt, TypeAdapter, ValidationError
from torch import Tensor, nn

from benchmark.config.base import Strict
from benchmark.data.sampling import torch_seed
from benchmark.data.slices import Images
from benchmark.methods.base import Direction, FitContext, Method, TaskInfo, TrainingSet
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.padding import crop_back, pad_to_multiple
from benchmark.runtime.errors import ModelError
from benchmark.training.description import read_description, require
from benchmark.training.device import inference_device, make_fabric, place
from benchmark.training.saved import load_networks, save_networks
from benchmark.training.trainer import Recipe, Trainer

FORMAT = "harmonize-bench learned 1"
SLICES_AT_ONCE = 16


class LearnedMethod(Method):
    """A method that trains networks.

    A subclass says which networks there are (`make_network`), how they learn (`recipe`), how one of them translates
    (`infer`), and which of them translation needs (`translating`).

    Attributes:
        network: all networks as one module; there once the method was fitted or loaded.
        task: what they were made for.
    """

    kind = "learned"

    def __init__(self, options: Strict) -> None:
        super().__init__(options)
        self._network: nn.Module | None = None
        self.task: TaskInfo
        self._width: int

    @abstractmethod
    def make_network(self, task: TaskInfo, width: int) -> nn.Module:
        """All networks, as children of one module.

        Args:
            task: what they are for.
            width: channels w of the first layer.
        """

    @abstractmethod
    def recipe(self, train: TrainingSet, context: FitContext) -> Recipe[Any]:
        """How `network` learns from these slices."""

    @abstractmethod
    def infer(self, images: Tensor, direction: Direction) -> Tensor:
        """Translates whole slices, (N, 1, H, W) to the same shape; their sides are multiples of `required_multiple`."""

    @abstractmethod
    def translating(self) -> Mapping[str, nn.Module]:
        """The networks that `infer` needs, by the names of their files."""

    def parts(self, network: nn.Module) -> Mapping[str, nn.Module]:
        """The networks by name. The initial weights of each depend on its name, not on the other networks."""
        return dict(network.named_children())

    @property
    def network(self) -> nn.Module:
        if self._network is None:
            raise RuntimeError(f"{self.name} was neither fitted nor loaded")
        return self._network

    @property
    def required_multiple(self) -> int:
        """Height and width of what `infer` takes are multiples of this."""
        return 1

    def smallest_crop(self, task: TaskInfo) -> tuple[int, int]:
        """The largest that any of its networks needs (attribute ``smallest_images`` of a network)."""
        with torch.random.fork_rng(devices=[]):
            modules = self.make_network(task, width=1).modules()
        sides = [getattr(module, "smallest_images", (1, 1)) for module in modules]
        return max(shorter for shorter, _ in sides), max(longer for _, longer in sides)

    def fit(self, train: TrainingSet, context: FitContext) -> None:
        """Trains the networks.

        Raises:
            Diverged: a loss is not finite, or the result is useless.
        """
        fabric = make_fabric(context.precision)
        self.begin(train.task, context)
        with torch.random.fork_rng(devices=[fabric.device] if fabric.device.type == "cuda" else []):
            torch.manual_seed(torch_seed(*context.identity, "dropout"))
            Trainer(self.recipe(train, context), fabric).run(context.log, context.checkpoints)

    def begin(self, task: TaskInfo, context: FitContext) -> None:
        """Makes the networks anew, with the initial weights of this cell."""
        self._set(task, context.width)
        for name, network in self.parts(self.network).items():
            seed = torch_seed(*context.identity, "initial weights", name)
            initialize_weights(network, torch.Generator().manual_seed(seed), context.initial_std)

    @torch.inference_mode()
    def translate(self, images: Images, direction: Direction = Direction.FORWARD) -> Images:
        """Translates in batches, in evaluation mode and in float32."""
        network = self.network.eval()
        device = next(network.parameters()).device
        height, width = images.shape[1:]
        # A slice that fits into one multiple would be normalized over a single pixel at the bottleneck.
        multiple = self.required_multiple * (2 if max(height, width) <= self.required_multiple else 1)
        done = []
        for start in range(0, len(images), SLICES_AT_ONCE):
            batch = torch.from_numpy(np.array(images[start : start + SLICES_AT_ONCE], np.float32))[:, None]
            translated = self.infer(pad_to_multiple(batch.to(device), multiple), direction)
            done.append(crop_back(translated, height, width)[:, 0])
        # All of a subject's at once: a GPU need not wait for one batch to be taken away before the next begins.
        return torch.cat(done).cpu().numpy()

    @property
    def parameters(self) -> int:
        return sum(p.numel() for network in self.translating().values() for p in network.parameters())

    def save(self, path: Path) -> None:
        task = TypeAdapter(TaskInfo).dump_python(self.task, mode="json")
        save_networks(path, self.translating(), {**self._description(), "task": task, "width": self._width})

    def load(self, path: Path) -> None:
        """Restores what ``save`` wrote, onto a GPU where there is one.

        Raises:
            ModelError: damaged, or of another method, version or hyperparameters.
        """
        description = read_description(path)
        require(path, description, self._description())
        try:
            task = TypeAdapter(TaskInfo).validate_python(description.get("task"))
            width = TypeAdapter(PositiveInt).validate_python(description.get("width"))
        except ValidationError as error:
            raise ModelError(path, f"is damaged ({error.errors()[0]['msg']})", "Train it again") from None
        self._set(task, width)
        load_networks(path, self.translating())
        place(self.network, inference_device())

    def _set(self, task: TaskInfo, width: int) -> None:
        self.task, self._width = task, width
        with torch.random.fork_rng(devices=[]):
            self._network = self.make_network(task, width)

    def _description(self) -> dict[str, Any]:
        return {"format": FORMAT, "method": self.name, "options": self.options.model_dump(mode="json")}
