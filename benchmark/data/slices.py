"""The slice store: all prepared slices of a dataset in one HDF5 file, read through the memory map.

Layout: ``/<subject>/{image,labels,mask}``, each (slices, rows, columns) and contiguous on disk, so that a
subject's array can be mapped without HDF5 in between. Rows run from anterior (or the vitreous) down and columns
from the subject's left to right, so a slice shown with row 0 on top is upright. ``truth.h5`` has the same
layout with ``/<subject>/<target>/{clean,noisy}``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from benchmark.errors import DataError
from benchmark.hdf5 import whole_hdf5

FORMAT = "harmonize-bench slices 1"
Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SubjectSlices:
    """Prepared slices of one subject.

    Attributes:
        image: float32 in [-1, 1], background -1, shape (slices, rows, columns).
        labels: uint8, 0 is background.
        mask: bool as uint8: brain or retina.
        spacing: mm between slices, rows and columns.
    """

    subject: str
    domain: str
    image: Images
    labels: Labels
    mask: Labels
    spacing: tuple[float, float, float]


def write_slices(path: Path, subjects: Iterable[SubjectSlices]) -> None:
    """Writes a store under a temporary name and renames it, so that a store is whole or absent.

    Raises:
        DataError: two subjects of one id, differing slice sizes, or values outside [-1, 1].
    """
    with whole_hdf5(path) as file:
        file.attrs["format"] = FORMAT
        for s in subjects:
            _check(s, file)
            group = file.create_group(s.subject)
            group.attrs["domain"] = s.domain
            group.attrs["spacing"] = s.spacing
            file.attrs["slice_shape"] = s.image.shape[1:]
            group.create_dataset("image", data=s.image.astype(np.float32, copy=False))
            group.create_dataset("labels", data=s.labels.astype(np.uint8, copy=False))
            group.create_dataset("mask", data=s.mask.astype(np.uint8, copy=False))


def _check(s: SubjectSlices, file: h5py.File) -> None:
    if s.subject in file:
        raise DataError(s.subject, "two subjects have this id", "Rename or exclude one of them")
    if not s.image.shape == s.labels.shape == s.mask.shape or s.image.ndim != 3 or not len(s.image):
        raise DataError(
            s.subject,
            f"image {s.image.shape}, labels {s.labels.shape} and mask {s.mask.shape} do not match",
            "Prepare it again",
        )
    if "slice_shape" in file.attrs and tuple(file.attrs["slice_shape"]) != s.image.shape[1:]:
        raise DataError(
            s.subject,
            f"slices are {s.image.shape[1:]}, others are {tuple(file.attrs['slice_shape'])}",
            "Prepare all subjects with one config",
        )
    if not np.isfinite(s.image).all() or s.image.min() < -1 or s.image.max() > 1:
        raise DataError(s.subject, "intensities are not within [-1, 1]", "Prepare it again")


class SliceStore:
    """Read-only view of a store. Arrays are memory maps: nothing is read before it is used.

    Raises:
        DataError: the file is missing, damaged, or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with h5py.File(path, "r") as file:
                if file.attrs.get("format") != FORMAT:
                    raise DataError(
                        path, "is no slice store of this version", "Delete it and prepare the dataset again"
                    )
                self.slice_shape: tuple[int, int] = tuple(int(n) for n in file.attrs["slice_shape"])  # type: ignore[assignment]
                self._entries = {
                    name: (
                        str(group.attrs["domain"]),
                        tuple(float(v) for v in group.attrs["spacing"]),
                        {key: (d.id.get_offset(), d.shape, d.dtype) for key, d in group.items()},
                    )
                    for name, group in file.items()
                }
        except FileNotFoundError:
            raise DataError(path, "is missing", "Run the preparation first: snakemake runs it") from None
        except (OSError, KeyError) as error:
            raise DataError(path, f"cannot be read ({error})", "Delete it and prepare the dataset again") from None

    @cached_property
    def subjects(self) -> list[str]:
        """Subject ids in order."""
        return sorted(self._entries)

    def domain(self, subject: str) -> str:
        return self._entry(subject)[0]

    def spacing(self, subject: str) -> tuple[float, float, float]:
        """mm between slices, rows and columns."""
        s, r, c = self._entry(subject)[1]
        return s, r, c

    def image(self, subject: str) -> Images:
        """(slices, rows, columns), float32 in [-1, 1]."""
        return self._map(subject, "image")  # type: ignore[return-value]

    def labels(self, subject: str) -> Labels:
        return self._map(subject, "labels")  # type: ignore[return-value]

    def mask(self, subject: str) -> Labels:
        return self._map(subject, "mask")  # type: ignore[return-value]

    def _entry(self, subject: str) -> tuple[str, tuple[float, ...], dict[str, tuple[int, tuple[int, ...], np.dtype]]]:
        if subject not in self._entries:
            raise DataError(self.path, f"holds no subject {subject}", "Prepare the dataset again")
        return self._entries[subject]

    def _map(self, subject: str, key: str) -> npt.NDArray[np.generic]:
        offset, shape, dtype = self._entry(subject)[2][key]
        return np.memmap(self.path, dtype=dtype, mode="r", offset=offset, shape=shape)
