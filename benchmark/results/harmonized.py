"""Harmonized test slices of one cell, by a method or by another program, in one HDF5 file: ``/<subject>/image``.

A cell that failed or was skipped is a whole file too: it holds no subjects but a status and a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.data.slices import Images
from benchmark.results.status import Status
from benchmark.runtime.errors import DataError
from benchmark.runtime.hdf5 import atomic_hdf5, read_hdf5

FORMAT = "harmonize-bench harmonized 1"


@dataclass(frozen=True)
class Harmonized:
    """Harmonized images by subject, each (slices, rows, columns) float32 in [-1, 1]; or why there are none."""

    images: Mapping[str, Images]
    status: Status = "ok"
    reason: str = ""


def write_harmonized(path: Path, harmonized: Harmonized) -> None:
    """Writes under a temporary name and renames."""
    with atomic_hdf5(path) as file:
        file.attrs.update(format=FORMAT, status=harmonized.status, reason=harmonized.reason)
        for subject, image in harmonized.images.items():
            file.create_dataset(
                f"{subject}/image", data=np.asarray(image, np.float32), compression="gzip", shuffle=True
            )


def read_harmonized(path: Path) -> Harmonized:
    """What :func:`write_harmonized` wrote.

    Raises:
        DataError: missing, damaged, of another format, or with values that are not finite or outside [-1, 1].
    """
    with read_hdf5(path, FORMAT) as file:
        images = {str(subject): np.asarray(group["image"], np.float32) for subject, group in file.items()}
        found = Harmonized(images, file.attrs["status"], file.attrs["reason"])
    for subject, image in images.items():
        if not image.size or not np.isfinite(image).all() or image.min() < -1 or image.max() > 1:
            fault = f"subject {subject} has no slices, or intensities outside [-1, 1]"
            raise DataError(path, fault, "Scale them to [-1, 1], background -1")
    return found
