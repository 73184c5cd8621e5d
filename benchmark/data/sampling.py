"""Random crops of training slices, the same on every machine for the same seed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.data.slices import Images, Labels, SliceStore, Stack
from benchmark.runtime.errors import DataError

BACKGROUND = np.float32(-1.0)


def stream(*identity: object) -> np.random.Generator:
    """A random stream that depends on what it is for, never on the order of execution.

    Args:
        identity: what the stream is for: dataset, pair, fold, seed, purpose, ...
    """
    digest = hashlib.sha256("/".join(str(part) for part in identity).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def torch_seed(*identity: object) -> int:
    """A 63-bit seed for ``torch.Generator.manual_seed``, from the same identity rule as :func:`stream`."""
    return int(stream(*identity).integers(2**63))


@dataclass(frozen=True)
class DomainSlices:
    """Training slices of one scanner: images and labels, one stack of (slices, rows, columns) a subject.

    A stack need not be an array: those of a real archive do not fit into memory, and are read slice by slice.
    """

    images: Sequence[Stack]
    labels: Sequence[Stack]

    @classmethod
    def of(cls, store: SliceStore, subjects: Sequence[str]) -> "DomainSlices":
        return cls([store.stack(s, "image") for s in subjects], [store.stack(s, "labels") for s in subjects])

    def __len__(self) -> int:
        return sum(len(image) for image in self.images)


def batches(slices: int, batch_size: int) -> int:
    """Batches that an epoch over so many slices has; the last one may be filled from the next epoch."""
    return -(-slices // batch_size)


def _shows(image: npt.NDArray[Any]) -> bool:
    return bool((image > BACKGROUND).any())


class CropSampler:
    """Batches of random crops, slices drawn in a fresh random order each epoch.

    A crop is drawn again while it is all background, at most ``ATTEMPTS`` times; then the crop is centred on a
    random foreground pixel of the slice. Slices without foreground are never drawn. Slices smaller than the crop
    are padded with background.
    """

    ATTEMPTS = 10

    def __init__(
        self, domain: DomainSlices, crop: tuple[int, int], batch_size: int, random: np.random.Generator
    ) -> None:
        self._domain, self._crop, self._batch, self._random = domain, crop, batch_size, random
        found = ((i, z) for i, image in enumerate(domain.images) for z in range(len(image)) if _shows(image[z]))
        # Arrays, as their numbers take an eighth of the memory that those of lists take.
        self._index = np.fromiter(found, np.dtype((np.int32, 2)))
        if not len(self._index):
            raise DataError("training slices", "every one is empty", "Check the preparation's brain or retina masks")
        self._order = np.empty(0, np.int64)
        self._dtype = domain.images[0][0].dtype

    def __len__(self) -> int:
        """Batches in an epoch."""
        return batches(len(self._index), self._batch)

    def draw(self) -> tuple[Images, npt.NDArray[np.int64]]:
        """Images (batch, 1, rows, columns) in [-1, 1] and labels (batch, rows, columns)."""
        images = np.empty((self._batch, 1, *self._crop), self._dtype)
        labels = np.empty((self._batch, *self._crop), np.int64)
        for n in range(self._batch):
            images[n, 0], labels[n] = self._one()
        return images, labels

    def state(self) -> dict[str, Any]:
        """What is still to come of this epoch, as an array that nobody changes, and of the random stream."""
        return {"order": self._order, "random": self._random.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Draws on from where :meth:`state` was called."""
        self._order, self._random.bit_generator.state = np.asarray(state["order"], np.int64), state["random"]

    def _one(self) -> tuple[Images, Labels]:
        if not len(self._order):
            self._order = self._random.permutation(len(self._index))
        subject, z = self._index[self._order[-1]].tolist()
        self._order = self._order[:-1]
        image = self._padded(self._domain.images[subject][z], BACKGROUND)
        labels = self._padded(self._domain.labels[subject][z], np.uint8(0))
        rows, columns = (image.shape[axis] - self._crop[axis] for axis in (0, 1))
        for _ in range(self.ATTEMPTS):
            corner = int(self._random.integers(rows + 1)), int(self._random.integers(columns + 1))
            if (self._cut(image, corner) > BACKGROUND).any():
                break
        else:
            foreground = np.argwhere(image > BACKGROUND)
            row, column = foreground[self._random.integers(len(foreground))]
            corner = (
                int(np.clip(row - self._crop[0] // 2, 0, rows)),
                int(np.clip(column - self._crop[1] // 2, 0, columns)),
            )
        return self._cut(image, corner), self._cut(labels, corner)

    def _padded(self, array: npt.NDArray, value: np.generic) -> npt.NDArray:
        missing = [max(0, self._crop[axis] - array.shape[axis]) for axis in (0, 1)]
        if not any(missing):
            return array
        return np.pad(array, [(m // 2, m - m // 2) for m in missing], constant_values=value)

    def _cut(self, array: npt.NDArray, corner: tuple[int, int]) -> npt.NDArray:
        return array[corner[0] : corner[0] + self._crop[0], corner[1] : corner[1] + self._crop[1]]
