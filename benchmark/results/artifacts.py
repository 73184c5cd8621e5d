"""What scoring leaves for the figures of one cell, in one HDF5 file.

``/predictions/<subject>``: segmentation of the harmonized slices by the target segmentor, uint8.
``/reconstructions/<subject>``: F(G(x) + n) of the subject's middle slice, (σ, rows, columns), with the attributes
``sigmas`` and ``slice``; only of methods that translate backward.

A cell without images has a file without arrays.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.runtime.hdf5 import atomic_hdf5, read_hdf5

FORMAT = "harmonize-bench artifacts 1"
Artifact = tuple[npt.NDArray[np.generic], dict[str, Any]]


def write_artifacts(path: Path, artifacts: Mapping[str, Artifact]) -> None:
    """Writes under a temporary name and renames."""
    with atomic_hdf5(path) as file:
        file.attrs["format"] = FORMAT
        for name, (array, attributes) in artifacts.items():
            file.create_dataset(name, data=array, compression="gzip", shuffle=True).attrs.update(attributes)


def read_artifact(path: Path, name: str) -> Artifact | None:
    """One array with its attributes, or None where the cell has none of this name.

    Raises:
        DataError: the file is missing, damaged, or of another format.
    """
    with read_hdf5(path, FORMAT) as file:
        return (file[name][:], dict(file[name].attrs)) if name in file else None
