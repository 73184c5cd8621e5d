"""What a reader yields: one subject of an archive, on the grid of its own scan."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from benchmark.archives.formats.packed import Place
from benchmark.runtime.errors import DataError


@dataclass(frozen=True)
class Volume:
    """A 3-D image with its position.

    Attributes:
        data: array of shape (i, j, k), in the file's own axes.
        affine: 4x4, from voxel indices to RAS millimetres.
        path: the file it was read from.
        beside: the file that holds its voxels, where that is another.
    """

    data: npt.NDArray[np.generic]
    affine: npt.NDArray[np.float64]
    path: Place
    beside: Place | None = None

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in mm along each array axis."""
        i, j, k = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(i), float(j), float(k)


@dataclass(frozen=True)
class Subject:
    """One subject. Voxels are read only when asked for, so that an inventory reads headers alone.

    Attributes:
        id: unique within the dataset; used in paths.
        domain: scanner code, one of the dataset's domains.
        shape: voxels along the file's axes.
        spacing: mm along the same axes.
        image: loads the scan.
        labels: loads the label map, or is None.
        mask: loads the brain or retina mask, or is None.
        files: the scan's files, the one with the header first and the one with the voxels last; for messages, and to
            see whether two subjects have the same.
        companions: every other file that the loaders read: of labels, mask and truth. A file that is not named here,
            and is read all the same, is an error: that it changed would not prepare the subject again.
        truth: for each target scanner, loaders of the noise-free and noisy scan of the same anatomy (phantoms);
            only ``benchmark.preparation.prepare`` of ``truth.h5`` calls them.
    """

    id: str
    domain: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    image: Callable[[], Volume]
    labels: Callable[[], Volume] | None = None
    mask: Callable[[], Volume] | None = None
    truth: dict[str, tuple[Callable[[], Volume], Callable[[], Volume]]] | None = None
    files: tuple[Place, ...] = ()
    companions: tuple[Place, ...] = ()

    @property
    def all_files(self) -> tuple[Place, ...]:
        """Every file that is read of the subject."""
        return self.files + self.companions


Found = Subject | DataError
"""What a reader comes across: a subject, or what is wrong with one."""


@contextmanager
def about(subject: str) -> Iterator[None]:
    """Faults that are raised inside are of this subject, so that a config can exclude it."""
    try:
        yield
    except DataError as fault:
        fault.subject = subject
        raise


class Reader(Protocol):
    """A module in ``benchmark/archives/readers`` has this function."""

    def __call__(self, root: Path) -> Iterator[Found]:
        """Subjects of the archive at ``root``; headers are checked, voxels are not read.

        What is wrong (missing or extra files, an unreadable header, another archive) is yielded, not raised, and the
        other subjects follow.

        Args:
            root: folder in which the archive lies, packed or unpacked, or its packed file.
        """
