"""The slice store: all prepared slices of a dataset in one HDF5 file, read through the memory map.

Layout: ``/<subject>/{image,labels,mask}``, each (slices, rows, columns) and contiguous on disk, so that a
subject's array can be mapped without HDF5 in between. Rows run from anterior (or the vitreous) down and columns
from the subject's left to right, so a slice shown with row 0 on top is upright. ``truth.h5`` has the same
layout with ``/<subject>/<target>/{clean,noisy}``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from benchmark.config.dataset import DatasetConfig
from benchmark.errors import DataError, made_again, made_by_snakemake
from benchmark.hdf5 import whole_hdf5

FORMAT = "harmonize-bench slices 1"
_KINDS: Mapping[str, type[np.generic]] = {"image": np.float32, "labels": np.uint8, "mask": np.uint8}
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
    """Read-only view of a store. Arrays are memory maps: nothing is read before it is asked for.

    Values are checked once, when the array of a subject is first asked for.

    Args:
        dataset: whose scanners and labels the store may hold; by default any.

    Raises:
        DataError: the file is missing, damaged, or of another format, or it holds a scanner or, later, intensities or
            labels that it may not hold.
    """

    def __init__(self, path: Path, dataset: DatasetConfig | None = None) -> None:
        self.path, self._dataset = path, dataset
        self._checked: set[tuple[str, str]] = set()
        try:
            with h5py.File(path, "r") as file:
                if file.attrs.get("format") != FORMAT:
                    raise DataError(path, "is no slice store of this version", made_again(path))
                self.slice_shape: tuple[int, int] = tuple(int(n) for n in file.attrs["slice_shape"])  # type: ignore[assignment]
                self._entries = {
                    name: (
                        str(group.attrs["domain"]),
                        tuple(float(v) for v in group.attrs["spacing"]),
                        {key: (group[key].id.get_offset(), group[key].shape, group[key].dtype) for key in _KINDS},
                    )
                    for name, group in file.items()
                }
        except FileNotFoundError:
            raise DataError(path, "is missing", made_by_snakemake(path)) from None
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise DataError(path, f"cannot be read ({error})", made_again(path)) from None
        for subject in self._entries:
            if fault := self._fault(subject):
                raise self._wrong(subject, fault)

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
            raise DataError(self.path, f"holds no subject {subject}", made_again(self.path))
        return self._entries[subject]

    def _map(self, subject: str, key: str) -> npt.NDArray[np.generic]:
        offset, shape, dtype = self._entry(subject)[2][key]
        array = np.memmap(self.path, dtype=dtype, mode="r", offset=offset, shape=shape)
        if (subject, key) not in self._checked:
            self._check_values(subject, key, array)
            self._checked.add((subject, key))
        return array

    def _fault(self, subject: str) -> str | None:
        """What is wrong with a subject, apart from the values of its arrays."""
        domain, spacing, arrays = self._entries[subject]
        shape = arrays["image"][1]
        if self._dataset and domain not in self._dataset.domains:
            return f"is of the scanner {domain}, not of {', '.join(self._dataset.domains)}"
        if len(shape) != 3 or 0 in shape or shape[1:] != self.slice_shape or len(spacing) != 3:
            return f"has images of shape {shape}, where slices are {self.slice_shape}"
        for key, (offset, found, dtype) in arrays.items():
            # What is compressed or never was written has no place of its own in the file.
            if found != shape or dtype != _KINDS[key] or offset is None:
                return f"has {key} of shape {found} and type {dtype}, which cannot be mapped as {_KINDS[key]} {shape}"
        return None

    def _check_values(self, subject: str, key: str, array: npt.NDArray[np.generic]) -> None:
        low, high = array.min(), array.max()
        if key == "image" and not (low >= -1 and high <= 1):  # of NaN, neither holds
            raise self._wrong(subject, "has intensities that are not finite or outside [-1, 1]")
        if key == "labels" and self._dataset and high >= self._dataset.classes:
            known = ", ".join(f"{value} ({name})" for name, value in self._dataset.labels.items())
            raise self._wrong(subject, f"has the label {high}, which is none of 0 (background), {known}")

    def _wrong(self, subject: str, fault: str) -> DataError:
        return DataError(self.path, f"subject {subject} {fault}", made_again(self.path))
