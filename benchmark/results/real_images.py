"""What the judges make of the real images of a pair and fold, in one HDF5 file that all its cells share.

``/features/<side>/<subject>``: the autoencoder's features of the slices, (slices, dimensions), float64.
``/features/training/<subject>``: the same of the target's training subjects, where fewer than two are tested.
``/segmentations/<side>/<segmentor>/<subject>``: labels, (slices, rows, columns), uint8.

``side`` and ``segmentor`` are ``source`` or ``target``: the scanner of the images, and that of the segmentor.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from benchmark.runtime.errors import DataError, remedy_damaged
from benchmark.runtime.hdf5 import atomic_hdf5, read_hdf5

FORMAT = "harmonize-bench real images 2"
TRAINING_FEATURES = "features/training"
Side = Literal["source", "target"]
SIDES: tuple[Side, Side] = ("source", "target")


def features_of(side: Side) -> str:
    """The group with the features of one scanner's images."""
    return f"features/{side}"


def segmentations_of(side: Side, segmentor: Side) -> str:
    """The group with the segmentations of one scanner's images by one scanner's segmentor."""
    return f"segmentations/{side}/{segmentor}"


def write_real_images(path: Path, arrays: Iterable[tuple[str, str, npt.NDArray[Any]]]) -> None:
    """Writes group, subject and array of each, under a temporary name, and renames."""
    with atomic_hdf5(path) as file:
        file.attrs["format"] = FORMAT
        for group, subject, array in arrays:
            file.create_dataset(f"{group}/{subject}", data=array, compression="gzip", shuffle=True)


def read_real_images(path: Path, group: str, subjects: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of one group by subject, in the order of the subjects.

    Raises:
        DataError: missing, damaged, of another format, or of other subjects.
    """
    with read_hdf5(path, FORMAT) as file:
        if set(file[group]) != set(subjects):
            raise DataError(path, "is of other test subjects than the splits state", remedy_damaged(path))
        return {subject: file[group][subject][:] for subject in subjects}
