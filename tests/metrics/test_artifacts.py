from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.results.artifacts import read_artifact, write_artifacts
from benchmark.runtime.errors import DataError

PATH = Path("cell/artifacts.h5")


def test_arrays_come_back_with_their_attributes():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    write_artifacts(
        PATH, {"predictions/a": (array, {}), "reconstructions/a": (array / 2, {"sigmas": [0.0, 0.5], "slice": 4})}
    )
    found, attributes = read_artifact(PATH, "predictions/a")
    assert np.array_equal(found, array)
    assert (found.dtype, attributes) == (np.uint8, {})
    _, attributes = read_artifact(PATH, "reconstructions/a")
    assert (attributes["sigmas"].tolist(), attributes["slice"]) == ([0.0, 0.5], 4)
    assert read_artifact(PATH, "predictions/b") is None
    assert [p.name for p in PATH.parent.iterdir()] == ["artifacts.h5"]


def test_a_missing_damaged_or_foreign_file_is_one_message():
    with pytest.raises(DataError, match="is missing"):
        read_artifact(PATH, "predictions/a")
    PATH.parent.mkdir()
    PATH.write_bytes(b"not HDF5")
    with pytest.raises(DataError, match="cannot be read"):
        read_artifact(PATH, "predictions/a")
    PATH.unlink()
    with h5py.File(PATH, "w") as file:
        file.attrs["format"] = "something else"
    with pytest.raises(DataError, match="is not of the format"):
        read_artifact(PATH, "predictions/a")
