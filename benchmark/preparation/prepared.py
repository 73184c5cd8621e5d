"""A prepared subject: volumes on the dataset's grid, and its folder on disk, which is complete or absent."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
import numpy.typing as npt

from benchmark.archives.formats.volumes import Volume
from benchmark.runtime.atomic import atomic_folder
from benchmark.runtime.errors import DataError, remedy_damaged, remedy_missing

Kind = Literal["mri", "oct"]
KINDS = ("clean", "noisy")
"""Noise-free and noisy truth."""


@dataclass(frozen=True)
class Prepared:
    """Volumes of one subject on the common grid.

    Attributes:
        image: float32 in [-1, 1], -1 outside the mask of a brain.
        labels: uint8, 0 is background.
        mask: uint8, brain or retina.
        truth: noise-free and noisy scan of the same anatomy by target scanner, on the same scale as images.
    """

    image: Volume
    labels: Volume
    mask: Volume
    truth: dict[str, tuple[Volume, Volume]] = field(default_factory=dict)

    def files(self) -> dict[str, Volume]:
        """Volumes by file name below the subject's folder."""
        scans = {f"truth/{t}/{k}": v for t, pair in self.truth.items() for k, v in zip(KINDS, pair, strict=True)}
        own = {"image": self.image, "labels": self.labels, "mask": self.mask, **scans}
        return {f"{name}.nii.gz": volume for name, volume in own.items()}


def write_prepared(folder: Path, prepared: Prepared, record: dict[str, Any]) -> None:
    """Writes the subject's folder, complete or not at all."""
    with atomic_folder(folder) as temporary:
        for name, volume in prepared.files().items():
            path = temporary / name
            path.parent.mkdir(exist_ok=True, parents=True)
            nib.save(nib.Nifti1Image(volume.data, volume.affine), path)
        (temporary / "subject.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def read_record(folder: Path) -> dict[str, Any]:
    """The record of the subject's preparation.

    Raises:
        DataError: it is missing or damaged.
    """
    path = folder / "subject.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not {"preparation", "domain"} <= set(found):
            raise ValueError
    except FileNotFoundError:
        remedy = remedy_damaged(folder, folder) if folder.is_dir() else remedy_missing(folder)
        raise DataError(path, "is missing", remedy) from None
    except (ValueError, TypeError):
        raise DataError(path, "is damaged", remedy_damaged(folder, folder)) from None
    return found


def as_slices(volume: Volume, kind: Kind) -> npt.NDArray[np.generic]:
    """Shape (slices, rows, columns); rows run from the front or the vitreous, columns from left to right."""
    stacked = np.asarray(volume.data).transpose(2, 1, 0)
    return np.ascontiguousarray(stacked[:, ::-1] if kind == "mri" else stacked)
