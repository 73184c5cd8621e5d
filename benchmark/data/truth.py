"""The truth of phantoms: each test subject of a source as the target scanner would image it.

Layout: ``/<subject>/<target>/{clean,noisy}``, aligned slice by slice with the slice store. Only metrics and control
methods that declare ``needs_truth`` may read it; a test checks the imports of the whole project.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.data.slices import Images, read_stack, write_stack
from benchmark.runtime.errors import DataError, remedy_damaged
from benchmark.runtime.hdf5 import atomic_hdf5, read_hdf5

FORMAT = "harmonize-bench truth 2"


@dataclass(frozen=True)
class TruthSlices:
    """One subject on one target scanner.

    Attributes:
        clean: without noise, float32 in [-1, 1], shape (slices, rows, columns).
        noisy: with the noise of the target scanner, same shape.
    """

    subject: str
    target: str
    clean: Images
    noisy: Images


def write_truth(path: Path, truths: Iterable[TruthSlices]) -> None:
    """Writes the file, complete or not at all; without subjects for datasets that are not phantoms.

    Raises:
        DataError: values that are not finite or outside [-1, 1].
    """
    with atomic_hdf5(path) as file:
        file.attrs["format"] = FORMAT
        for t in truths:
            for kind, images in (("clean", t.clean), ("noisy", t.noisy)):
                if not np.isfinite(images).all() or np.abs(images).max() > 1:
                    raise DataError(t.subject, f"its {kind} truth is not within [-1, 1]", "Prepare the subject again")
                write_stack(file.require_group(f"{t.subject}/{t.target}"), kind, np.asarray(images, np.float32))


def read_truth(path: Path, subject: str, target: str) -> tuple[Images, Images]:
    """Noise-free and noisy slices (slices, rows, columns) of a subject on a target scanner.

    Raises:
        DataError: the file is missing or damaged, or lacks this subject.
    """
    with read_hdf5(path, FORMAT) as file:
        if f"{subject}/{target}" not in file:
            remedy = f"Only test subjects of a phantom's source have one. {remedy_damaged(path)}"
            raise DataError(path, f"holds no truth of {subject} on {target}", remedy)
        group = file[f"{subject}/{target}"]
        return read_stack(group["clean"]), read_stack(group["noisy"])
