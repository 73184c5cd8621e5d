"""What metrics see of a cell: images, labels, segmentations, features and truth, each computed once and when asked for.

What the judges make of real images is the same for every cell of a pair and fold. A job of its own computes it
(``benchmark.pipeline.real_images``), and :class:`PairView` reads it from that job's file.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig
from benchmark.data.slices import Images, Labels, SliceStore
from benchmark.data.splits import Fold, read_fold
from benchmark.methods.base import Direction, Method
from benchmark.methods.isolation import guarded, translate
from benchmark.metrics.inputs import Need, Segmentation
from benchmark.results.real_images import TRAINING_FEATURES, Side, features_of, read_real_images, segmentations_of
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError
from benchmark.runtime.paths import Cell

if TYPE_CHECKING:
    from torch import Tensor


class PairView:
    """Real test images of one dataset, pair and fold, and what the judges make of them.

    Raises:
        DataError: slices or splits are missing or damaged.
    """

    def __init__(self, config: BenchmarkConfig, dataset: DatasetConfig, pair: str, fold: int) -> None:
        self.config, self.dataset, self.pair, self.fold = config, dataset, pair, fold
        self.source, self.target = pair.split("-")
        self.store = SliceStore(paths.slices(dataset.name))
        self.split: Fold = read_fold(paths.splits(dataset.name, pair), fold)
        self._real = paths.real_images(config.benchmark, dataset.name, pair, fold)
        self._features: dict[Side, Mapping[str, Tensor]] = {}

    @property
    def identity(self) -> tuple[object, ...]:
        """What random streams of metrics are derived from; it holds no method: all methods get the same draws."""
        return (self.dataset.name, self.pair, self.fold)

    def subjects(self, side: Side) -> tuple[str, ...]:
        """Test subjects."""
        return self.split.test_source if side == "source" else self.split.test_target

    def slice_count(self, side: Side) -> int:
        """Number of test slices."""
        return sum(len(self.store.stack(s, "image")) for s in self.subjects(side))

    def predictions(self, segmentor: Side, images: Side) -> Mapping[str, Labels]:
        """What the segmentor of one side makes of the real test images of one side, by subject."""
        return read_real_images(self._real, segmentations_of(images, segmentor), self.subjects(images))

    def segmentations(self, segmentor: Side, images: Side) -> Iterator[Segmentation]:
        """The same beside the labels."""
        for subject, prediction in self.predictions(segmentor, images).items():
            yield self.segmentation(subject, prediction)

    def segmentation(self, subject: str, prediction: Labels) -> Segmentation:
        """A prediction beside the subject's labels."""
        return Segmentation(subject, prediction, self.store.labels(subject), self.store.spacing(subject))

    def features(self, side: Side) -> "Mapping[str, Tensor]":
        """Features (slices, dimensions) of the real test slices by subject."""
        if side not in self._features:
            self._features[side] = self._read_features(features_of(side), self.subjects(side))
        return self._features[side]

    @property
    def halves_are_of_training(self) -> bool:
        """Whether :meth:`target_halves` are training subjects, since fewer than two of the target are tested."""
        return len(self.split.test_target) < 2

    def target_halves(self) -> "tuple[list[Tensor], list[Tensor]]":
        """Features (slices, dimensions) of two halves of the target's subjects; the second is empty for one subject.

        They are of training subjects where fewer than two are tested.
        """
        if self.halves_are_of_training:
            found = self._read_features(TRAINING_FEATURES, self.split.train_target)
        else:
            found = self.features("target")
        subjects = list(found.values())
        return subjects[::2], subjects[1::2]

    def _read_features(self, group: str, subjects: tuple[str, ...]) -> "Mapping[str, Tensor]":
        import torch

        found = read_real_images(self._real, group, subjects)
        return {subject: torch.from_numpy(array) for subject, array in found.items()}


@dataclass
class CellView:
    """One cell that has harmonized images.

    Attributes:
        images: harmonized test slices by subject.
        load_method: gives the method, trained if it translates backward; None where only its images are known.
        artifacts: arrays that figures show, by name, each with attributes; see ``benchmark.results.artifacts``.

    Raises:
        DataError: the images are not those of the test subjects.
    """

    pair: PairView
    cell: Cell
    images: Mapping[str, Images]
    load_method: Callable[[], Method] | None = None
    artifacts: dict[str, tuple[npt.NDArray[np.generic], dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if set(self.images) != set(self.subjects):
            raise DataError(
                f"harmonized images of {self.cell.method}",
                f"are of the subjects {', '.join(sorted(self.images)) or 'none'}",
                f"Harmonize exactly the test subjects {', '.join(self.subjects)}",
            )
        for subject in self.subjects:
            found, wanted = self.images[subject].shape, self.pair.store.stack(subject, "image").shape
            if found != wanted:
                raise DataError(
                    f"harmonized images of {self.cell.method}, subject {subject}",
                    f"have the shape {found}",
                    f"Harmonize the prepared slices, whose shape is {wanted}",
                )

    @property
    def subjects(self) -> tuple[str, ...]:
        """Test subjects of the source, whose images were harmonized."""
        return self.pair.subjects("source")

    @cached_property
    def method(self) -> Method | None:
        """The method, or None where only its images are known.

        Raises:
            MethodFailed: it cannot be made or loaded.
        """
        if self.load_method is None:
            return None
        return self.load_method()

    def translated_back(self, images: Images) -> Images:
        """Images from target to source.

        Raises:
            MethodFailed: the method did not translate them.
        """
        if self.method is None:
            raise ValueError(f"{self.cell.method} has no method to translate back with")
        return translate(self.method, images, Direction.BACKWARD)

    @cached_property
    def predictions(self) -> Mapping[str, Labels]:
        """Segmentations of the harmonized images by the target segmentor, by subject."""
        from benchmark.judges.segmentor import load_segmentor

        pair = self.pair
        segmentor = load_segmentor(paths.segmentor(pair.config.benchmark, pair.dataset.name, pair.target, pair.fold))
        found = {subject: segmentor.predict(self.images[subject]) for subject in self.subjects}
        for subject, prediction in found.items():
            self.artifact(f"predictions/{subject}", prediction)
        return found

    @cached_property
    def features(self) -> "Mapping[str, Tensor]":
        """Features (slices, dimensions) of the harmonized slices by subject."""
        from benchmark.judges.features import extract, load_extractor

        pair = self.pair
        extractor = load_extractor(paths.autoencoder(pair.config.benchmark, pair.dataset.name, pair.pair, pair.fold))
        return {subject: extract(extractor, self.images[subject]) for subject in self.subjects}

    def segmentations(self) -> Iterator[Segmentation]:
        """Segmentations of the harmonized images beside the labels of the source."""
        for subject in self.subjects:
            yield self.pair.segmentation(subject, self.predictions[subject])

    def truth(self, subject: str) -> tuple[Images, Images]:
        """The subject as the target scanner would have seen it: noise-free and noisy."""
        from benchmark.data.truth import read_truth

        return read_truth(paths.truth(self.cell.dataset), subject, self.cell.target)

    def lacks(self, need: Need) -> str | None:
        """Why something that a metric needs is not there, or None."""
        if need is Need.TRUTH and not self.pair.dataset.phantom:
            return "no subject was scanned on both scanners, so there is no truth"
        if need is Need.BACKWARD:
            if self.method is None:
                return "only the harmonized images are known, not the method, so nothing can be translated back"
            method = self.method
            if not guarded(lambda: method.has_backward):
                return "the method does not translate from target to source"
        return None

    def artifact(self, name: str, array: npt.NDArray[np.generic], **attributes: Any) -> None:
        """Keeps an array for the figures."""
        self.artifacts[name] = (array, attributes)
