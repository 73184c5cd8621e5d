"""The slice store: all prepared slices of a dataset in one HDF5 file, each slice compressed on its own.

Layout: ``/<subject>/{image,labels,mask}``, each (slices, rows, columns), with one chunk a slice. Rows run from anterior
(or the vitreous) down and columns from the subject's left to right, so that row 0 belongs on top. ``truth.h5`` has the
same layout with ``/<subject>/<target>/{clean,noisy}``.

Intensities are compressed by bitshuffle with LZ4 (Masui et al., Astronomy and Computing 12: 181-190, 2015), bytes by
LZ4 alone: gzip and Zstandard are hardly smaller, and too slow for training. Images with the grey levels of an 8 or 16
bit scanner are stored as such. Each chunk has a checksum against flipped bits.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt

from benchmark.runtime.errors import DataError, remedy_damaged, remedy_missing
from benchmark.runtime.hdf5 import atomic_hdf5

FORMAT = "harmonize-bench slices 2"
_GREY: Mapping[int, type[np.generic]] = {255: np.uint8, 65535: np.uint16}  # types of grey levels by the highest one
_HIGHEST = "highest_level"
_KINDS: Mapping[str, type[np.generic]] = {"image": np.float32, "labels": np.uint8, "mask": np.uint8}
_OPEN = 512
"""Arrays of a store that stay open: each takes 30 kB, and 0.1 ms to open."""
_METADATA = 2**20
"""Bytes of HDF5's cache of the positions of slices."""
Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]


class Stack(Protocol):
    """Slices of one subject, (slices, rows, columns): an array, or an object that reads slices on demand.

    ``numpy.asarray`` turns either into an array.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> npt.NDArray[Any]: ...

    def __iter__(self) -> Iterator[npt.NDArray[Any]]: ...


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
    """Writes a store, complete or not at all.

    Raises:
        DataError: slice sizes differ, or values are outside [-1, 1].
    """
    with atomic_hdf5(path) as file:
        file.attrs["format"] = FORMAT
        for s in subjects:
            _check(s, file)
            group = file.create_group(s.subject)
            group.attrs["domain"] = s.domain
            group.attrs["spacing"] = s.spacing
            file.attrs["slice_shape"] = s.image.shape[1:]
            for key, array in (("image", s.image), ("labels", s.labels), ("mask", s.mask)):
                write_stack(group, key, array.astype(_KINDS[key], copy=False))


def write_stack(group: h5py.Group, name: str, slices: npt.NDArray[Any]) -> None:
    """Writes (slices, rows, columns), each slice compressed without loss and with a checksum."""
    levels, highest = _grey_levels(slices) if slices.dtype == np.float32 else (slices, None)
    packed = hdf5plugin.LZ4() if levels.dtype.itemsize == 1 else hdf5plugin.Bitshuffle(cname="lz4")
    written = group.create_dataset(name, data=levels, chunks=(1, *slices.shape[1:]), fletcher32=True, **packed)
    if highest:
        written.attrs[_HIGHEST] = highest


def _grey_levels(image: Images) -> tuple[npt.NDArray[Any], int | None]:
    """The grey levels of an image and the highest of their type; the image itself and None if it has other values."""
    for highest, kind in _GREY.items():
        levels = np.rint((image + 1) * (highest / 2)).astype(kind)
        if np.array_equal(_intensities(levels, highest), image):
            return levels, highest
    return image, None


def _intensities(levels: npt.NDArray[Any], highest: int) -> Images:
    """Grey levels as float32 in [-1, 1]."""
    intensities = levels.astype(np.float32)
    intensities /= np.float32(highest / 2)
    intensities -= np.float32(1)
    return intensities


def read_stack(stored: h5py.Dataset) -> npt.NDArray[Any]:
    """Reads what :func:`write_stack` wrote."""
    return np.asarray(StoredStack(lambda: stored))


def _check(s: SubjectSlices, file: h5py.File) -> None:
    if "slice_shape" in file.attrs and tuple(file.attrs["slice_shape"]) != s.image.shape[1:]:
        raise DataError(
            s.subject,
            f"slices are {s.image.shape[1:]}, others are {tuple(file.attrs['slice_shape'])}",
            "Prepare all subjects with one config",
        )
    if not np.isfinite(s.image).all() or s.image.min() < -1 or s.image.max() > 1:
        raise DataError(s.subject, "intensities are not within [-1, 1]", "Prepare it again")


class StoredStack:
    """Slices of one subject in a store, each of which is read, decompressed and checked on demand."""

    def __init__(self, opened: Callable[[], h5py.Dataset]) -> None:
        self._opened = opened
        dataset = opened()
        self._shape: tuple[int, ...] = dataset.shape
        self._highest = dataset.attrs.get(_HIGHEST)

    @property
    def shape(self) -> tuple[int, ...]:
        """(slices, rows, columns)."""
        return self._shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int, /) -> npt.NDArray[Any]:
        """(rows, columns)."""
        return self._read(index)

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        return (self[z] for z in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self._read(slice(None)), dtype)

    def _read(self, which: int | slice) -> npt.NDArray[Any]:
        try:
            dataset = self._opened()
            found: npt.NDArray[Any] = dataset[which]
        except OSError as error:  # a damaged chunk, or a wrong checksum
            path = Path(dataset.file.filename)
            raise DataError(path, f"cannot be read ({error})", remedy_damaged(path)) from None
        return found if self._highest is None else _intensities(found, int(self._highest))


def _limit_metadata_cache(file: h5py.File) -> None:
    """Limits HDF5's cache of the positions of slices, which would grow beyond 32 MB."""
    config = file.id.get_mdc_config()
    config.set_initial_size, config.flash_incr_mode, config.incr_mode = True, 0, 0
    config.initial_size = config.min_size = config.max_size = _METADATA
    file.id.set_mdc_config(config)


class SliceStore:
    """Read-only view of a store. Data are read on demand.

    Raises:
        DataError: the file is missing, damaged, or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # It stays open, so that replacing the file changes nothing. A chunk cache, 1 MB for each array, would be of
            # no use: slices are read as a whole, and rarely twice.
            self._file = h5py.File(path, "r", rdcc_nbytes=0)
        except FileNotFoundError:
            raise DataError(path, "is missing", remedy_missing(path)) from None
        except OSError as error:
            raise DataError(path, f"cannot be read ({error})", remedy_damaged(path)) from None
        if self._file.attrs.get("format") != FORMAT:
            raise DataError(path, "is no slice store of this version", remedy_damaged(path))
        _limit_metadata_cache(self._file)
        self._array = lru_cache(_OPEN)(self._file.__getitem__)
        rows, columns = (int(n) for n in self._file.attrs["slice_shape"])
        self.slice_shape = (rows, columns)
        self.subjects = sorted(self._file)
        """Sorted subject ids."""

    def domain(self, subject: str) -> str:
        return str(self._group(subject).attrs["domain"])

    def spacing(self, subject: str) -> tuple[float, float, float]:
        """mm between slices, rows and columns."""
        s, r, c = (float(v) for v in self._group(subject).attrs["spacing"])
        return s, r, c

    def image(self, subject: str) -> Images:
        """(slices, rows, columns), float32 in [-1, 1]."""
        return np.asarray(self.stack(subject, "image"))

    def labels(self, subject: str) -> Labels:
        """(slices, rows, columns), 0 is background."""
        return np.asarray(self.stack(subject, "labels"))

    def mask(self, subject: str) -> Labels:
        """(slices, rows, columns), above 0 inside of the brain or retina."""
        return np.asarray(self.stack(subject, "mask"))

    def stack(self, subject: str, key: str) -> StoredStack:
        """Slices of one array, which are read one by one.

        Args:
            key: ``image``, ``labels`` or ``mask``.
        """
        self._group(subject)
        return StoredStack(partial(self._array, f"{subject}/{key}"))

    def _group(self, subject: str) -> h5py.Group:
        if subject not in self._file:
            raise DataError(self.path, f"holds no subject {subject}", remedy_damaged(self.path))
        return self._file[subject]
