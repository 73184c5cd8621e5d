"""Masks and labels that are readable but implausible are warnings."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from named_patients import IMAGES, LABELS, PATIENTS
from typer.testing import CliRunner

from benchmark.cli.app import app

PATIENT = PATIENTS[2]  # of the Aera
BRAIN, CONSENSUS = f"{IMAGES}/{PATIENT}/Mask_registered.nii.gz", f"{LABELS}/{PATIENT}/Consensus.nii.gz"
OUTSIDE = "SA: labels lie outside of the mask, as if one is of another subject, or the two are swapped: 07003ZORI"


def warnings(root: Path, *options: str) -> list[str]:
    result = CliRunner().invoke(app, ["data", "check", "mini", "--json", *options, str(root)], catch_exceptions=False)
    assert result.exit_code == 0
    found: list[str] = json.loads(result.stdout)["warnings"]
    return found


def voxels(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(change(np.asarray(image.dataobj)).astype(np.uint8), image.affine), path)


def corner(data: np.ndarray) -> np.ndarray:
    only = np.zeros_like(data)
    only[0, 0, 0] = 1
    return only


def swapped(root: Path) -> None:
    shutil.move(root / BRAIN, root / "kept")
    shutil.move(root / CONSENSUS, root / BRAIN)
    shutil.move(root / "kept", root / CONSENSUS)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (swapped, [f"{OUTSIDE} (100%)"]),
        (lambda root: voxels(root / BRAIN, corner), [f"{OUTSIDE} (100%)"]),
        (lambda root: voxels(root / CONSENSUS, np.ones_like), [f"{OUTSIDE} (77%)"]),
        (lambda root: voxels(root / CONSENSUS, corner), [f"{OUTSIDE} (100%)"]),
    ],
)
def test_masks_and_labels_that_can_hardly_be_right(msseg, make, said):
    root = msseg(label_kind="sparse")
    assert warnings(root, "--voxels") == []
    make(root)
    assert warnings(root, "--voxels") == said
    assert warnings(root) == []


def test_bright_voxels_that_became_negative(msseg):
    """A program stored 16 bits without a sign as with one."""
    root = msseg()
    path = root / f"{IMAGES}/{PATIENT}/FLAIR_preprocessed.nii.gz"
    image = nib.load(path)
    data = (np.asarray(image.dataobj) + 1).astype(np.float64)
    bright = (data / data.max() * 33000).astype(np.uint16)
    nib.save(nib.Nifti1Image(bright.astype(np.int16), image.affine), path)
    (said,) = warnings(root, "--voxels")
    assert "SA: voxels are below -16384, as if the brightest of 16 bits" in said
    assert said.endswith(f": {PATIENT}")


def test_labels_of_tissues_may_fill_their_mask(msseg):
    root = msseg(label_kind="dense")
    shutil.copy(root / BRAIN, root / CONSENSUS)
    assert warnings(root, "--voxels") == []
