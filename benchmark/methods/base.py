"""The contract of a method. A method gets images and labels; it does not learn which dataset they belong to."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmark.config.base import Schedule, Strict
from benchmark.config.dataset import LabelKind
from benchmark.data.sampling import DomainSlices
from benchmark.data.slices import Images

if TYPE_CHECKING:
    from benchmark.training.checkpoints import Checkpoints


class Direction(Enum):
    """Forward is G: source to target. Backward is F: target to source."""

    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True)
class TaskInfo:
    """What a method may use of the task.

    Attributes:
        classes: number of label classes with the background.
        class_weights: weights of the cross-entropy, background first.
        label_kind: ``dense`` (every pixel of the organ has a class) or ``sparse`` (small lesions).
        crop: rows and columns of a training crop.
        batch_size: crops of each domain in a training batch.
        slice_shape: rows and columns of whole slices.
        spacing: mm between slices, rows and columns of prepared volumes of the target scanner.
    """

    classes: int
    class_weights: tuple[float, ...]
    label_kind: LabelKind
    crop: tuple[int, int]
    batch_size: int
    slice_shape: tuple[int, int]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class TrainingSet:
    """Unpaired training slices of both scanners; training subjects only, and no truth."""

    source: DomainSlices
    target: DomainSlices
    task: TaskInfo


@dataclass(frozen=True)
class FitContext:
    """How to train, as opposed to on what.

    Attributes:
        width: channels w of the first layer.
        schedule: the benchmark's one schedule.
        identity: dataset, pair, fold and seed, from which every random stream is derived
            (``benchmark.data.sampling.stream``). Not the method: all methods draw the same crops.
        precision: as Lightning Fabric names it.
        initial_std: standard deviation of the initial weights.
        identity_steps: first steps of the schedule in which generators of adversarial methods learn to leave images
            alone (``training.start: identity``).
        log: called with a step and its losses (a row of ``history.csv``).
        checkpoints: where to look for an unfinished training and to leave one; None: nowhere. The trainer uses it.
    """

    width: int
    schedule: Schedule
    identity: tuple[object, ...]
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    initial_std: float = 0.02
    identity_steps: int = 0
    log: Callable[[int, Mapping[str, float]], None] = field(default=lambda step, losses: None)
    checkpoints: "Checkpoints | None" = None


class Method(ABC):
    """A harmonization method. Subclass it in ``methods/<name>.py``; the file's name is the method's name.

    Attributes:
        name: as in configs and paths.
        title: as in tables.
        reference: citation.
        kind: ``control`` methods are the floor and the ceiling, and are not ranked; ``classical`` methods have no
            networks; ``learned`` methods are trained by a rule of their own.
        hyperparameters: strict model with defaults and bounds.
        needs_labels: whether training reads label maps.
        needs_truth: only for a control: `translate` gets the truth of the test subjects instead of their images, and
            the cell is skipped if there is none.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    kind: ClassVar[Literal["control", "classical", "learned"]]
    hyperparameters: ClassVar[type[Strict]] = Strict
    needs_labels: ClassVar[bool] = False
    needs_truth: ClassVar[bool] = False

    def __init__(self, options: Strict) -> None:
        self.options: Any = options

    @classmethod
    def not_applicable(cls, label_kind: LabelKind) -> str | None:
        """Reason why the method cannot be run on such labels (the cell is then ``skipped``), or None."""
        return None

    def smallest_crop(self, task: TaskInfo) -> tuple[int, int]:
        """Shorter and longer side, in pixels, that training crops must have at least."""
        return 1, 1

    @abstractmethod
    def fit(self, train: TrainingSet, context: FitContext) -> None:
        """Learns from training slices.

        Raises:
            Diverged: the training failed; the cell gets no scores.
        """

    @abstractmethod
    def translate(self, images: Images, direction: Direction = Direction.FORWARD) -> Images:
        """Harmonizes whole slices of one subject.

        Args:
            images: (slices, rows, columns), float32 in [-1, 1], background -1; any rows and columns.

        Returns:
            The same shape and range.
        """

    @property
    def has_backward(self) -> bool:
        """Whether ``translate`` also translates backward, which the sensitivity metrics need."""
        return False

    @property
    def parameters(self) -> int:
        """Number of trained parameters that ``translate`` in the forward direction uses."""
        return 0

    @abstractmethod
    def save(self, path: Path) -> None:
        """Writes what ``load`` needs into the folder ``path`` (safetensors and JSON)."""

    @abstractmethod
    def load(self, path: Path) -> None:
        """Restores what ``save`` wrote.

        Raises:
            ModelError: damaged, or of another method or version.
        """
