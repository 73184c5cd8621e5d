"""Random crops of training slices, which depend on the seed alone, not on the machine."""

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
    """A random stream that depends on its purpose, not on the order of execution.

    Args:
        identity: dataset, pair, fold, seed, purpose, and so on.
    """
    digest = hashlib.sha256("/".join(str(part) for part in identity).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def torch_seed(*identity: object) -> int:
    """A 63-bit seed for ``torch.Generator.manual_seed``, derived as in :func:`stream`."""
    return int(stream(*identity).integers(2**63))


@dataclass(frozen=True)
class DomainSlices:
    """Training slices of one scanner: a stack (slices, rows, columns) of images and one of labels for each subject.

    Stacks may read slices on demand, since a real archive does not fit into memory.
    """

    images: Sequence[Stack]
    labels: Sequence[Stack]

    @classmethod
    def of(cls, store: SliceStore, subjects: Sequence[str]) -> "DomainSlices":
        return cls([store.stack(s, "image") for s in subjects], [store.stack(s, "labels") for s in subjects])

    def __len__(self) -> int:
        return sum(len(image) for image in self.images)


def batches(slices: int, batch_size: int) -> int:
    """Batches in an epoch; the last one may include slices of the next epoch."""
    return -(-slices // batch_size)


class CropSampler:
    """Batches of random crops from slices in a new random order each epoch.

    A crop without foreground is drawn again, up to ``ATTEMPTS`` times; then it is centred on a random foreground pixel.
    Slices without foreground are left out; slices smaller than the crop are padded with background.
    """

    ATTEMPTS = 10

    def __init__(
        self, domain: DomainSlices, crop: tuple[int, int], batch_size: int, random: np.random.Generator
    ) -> None:
        self._domain, self._crop, self._batch, self._random = domain, crop, batch_size, random
        found = (
            (i, z) for i, image in enumerate(domain.images) for z in range(len(image)) if (image[z] > BACKGROUND).any()
        )
        # An array takes an eighth of the memory of a list.
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
        """State to resume from: the rest of the epoch, in an array that is never changed, and the random stream."""
        return {"order": self._order, "random": self._random.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continues from a :meth:`state`."""
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
