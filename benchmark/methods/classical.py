"""What methods without networks share: what they learn from the training slices fits into a JSON file."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.data.slices import Images
from benchmark.methods.base import Direction, FitContext, Method, TrainingSet
from benchmark.runtime.atomic import atomic_folder
from benchmark.runtime.errors import ModelError
from benchmark.training.description import read_description, require, write_description

FORMAT = "harmonize-bench training-free 1"


class ClassicalMethod(Method):
    """A method without networks, which translates forward only and learns little or nothing."""

    def fit(self, train: TrainingSet, context: FitContext) -> None:
        """Learns nothing unless overridden."""

    def translate(self, images: Images, direction: Direction = Direction.FORWARD) -> Images:
        if direction is Direction.BACKWARD:
            raise ValueError(f"{self.name} does not translate from target to source")
        return self.harmonize(images)

    @abstractmethod
    def harmonize(self, images: Images) -> Images:
        """``translate`` in the forward direction."""

    def state(self) -> dict[str, Any]:
        """What was learned, as JSON."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores what ``state`` returned; a wrong ``state`` raises KeyError, TypeError or ValueError."""

    def save(self, path: Path) -> None:
        with atomic_folder(path) as folder:
            write_description(folder, {**self._description(), "state": self.state()})

    def load(self, path: Path) -> None:
        description = read_description(path)
        require(path, description, self._description())
        try:
            self.restore(description["state"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(path, f"is damaged ({error})", "Fit it again") from None

    def _description(self) -> dict[str, Any]:
        return {"format": FORMAT, "method": self.name, "options": self.options.model_dump(mode="json")}
