"""Miniature archives in the layouts of the real ones."""

import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from benchmark.archives.manifest import Tree, write_manifest
from benchmark.config.load import load_dataset
from benchmark.preparation.geometry import Grid, resample_image
from benchmark.preparation.template import template
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError

SPACING = 5.0


def save(path: Path, data: np.ndarray, affine: np.ndarray | None = None) -> Path:
    """Writes a NIfTI file, by default with 2 mm voxels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine), path)
    return path


def save_oct(path: Path, data: np.ndarray, spacing: Sequence[float] = (0.01, 0.002, 0.1)) -> Path:
    """Writes a MetaImage of an array indexed (x, y, z); the corner of its first voxel is at 0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    image.SetSpacing(spacing)
    image.SetOrigin([s / 2 for s in spacing])
    sitk.WriteImage(image, str(path))
    return path


def noise(shape: tuple[int, ...] = (6, 7, 8), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 1000, shape).astype(np.int16)


@cache
def brain(spacing: float = SPACING) -> tuple[np.ndarray, np.ndarray]:
    """The template's brain with voxels of ``spacing`` mm, and its affine."""
    grid = Grid.of(template()).with_spacing(spacing)
    image = resample_image(template(), grid, np.eye(4), spline=False)
    return np.asarray(image.data), grid.affine


def pose(angle: float = 0.0, shift: Sequence[float] = (0.0, 0.0, 0.0), scale: float = 1.0) -> np.ndarray:
    """A head turned about the z axis (degrees), scaled, and shifted (mm)."""
    a = np.deg2rad(angle)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    matrix[:3, :3] *= scale
    matrix[:3, 3] = shift
    return matrix


def ixi(root: Path, names: Sequence[str], data: np.ndarray | None = None) -> Path:
    for number, name in enumerate(names):
        save(root / "IXI-T1" / f"{name}.nii.gz", noise(seed=number) if data is None else data)
    return root


def msseg_patient(root: Path, centre: str, patient: str, lesion: tuple[int, int, int] = (3, 3, 3)) -> Path:
    """One patient in Shanoir's layout, with a brain of 960 mL in voxels of 20 mm."""
    folder = root / "Training" / f"Center_{centre}" / f"Patient_{patient}"
    image = noise(seed=int(centre) * 100 + int(patient))
    labels = np.zeros(image.shape, np.uint8)
    labels[lesion] = 1
    mask = np.zeros(image.shape, np.uint8)
    mask[1:-1, 1:-1, 1:-1] = 1
    affine = np.diag([20.0, 20.0, 20.0, 1.0])
    save(folder / "Preprocessed_Data/FLAIR_preprocessed.nii.gz", image, affine)
    save(folder / "Masks/Consensus.nii.gz", labels, affine)
    save(folder / "Masks/Brain_Mask.nii.gz", mask, affine)
    return folder


def retina(shape: tuple[int, int, int] = (16, 32, 6), dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    """A bright band on dark ground, in grey values of the whole range of ``dtype``."""
    random = np.random.default_rng(seed)
    image = random.uniform(0.0, 0.2, shape)
    image[:, shape[1] // 4 : shape[1] // 2] += 0.7
    return (image / image.max() * np.iinfo(dtype).max).astype(dtype)


def retouch_volume(root: Path, vendor: str, number: int, dtype: type = np.uint8) -> Path:
    folder = root / f"RETOUCH-TrainingSet-{vendor}" / f"TRAIN{number:03d}"
    image = retina(dtype=dtype, seed=number)
    labels = np.zeros(image.shape, np.uint8)
    labels[4:8, 10:12, 2:4] = 1 + number % 3
    save_oct(folder / "oct.mhd", image)
    save_oct(folder / "reference.mhd", labels)
    return folder


def oasis_ixi(root: Path, oasis: Sequence[int] = (1000, 1001), ixi: Sequence[int] = (132, 162)) -> Path:
    labels = np.zeros((6, 7, 8), np.int16)
    labels[1:5, 1:6, 1:7] = 45
    outer = labels.copy()
    outer[0] = 1
    for number in oasis:
        for part, data in (("SS", noise(seed=number)), ("glm", labels), ("mask", labels > 0), ("classified", labels)):
            save(root / "oasis" / f"{number}_{part}.nii.gz", data.astype(np.int16))
    for number in ixi:
        stem = root / "ixi_hh" / f"IXI{number}-HH-1415_T1"
        save(stem.with_name(f"{stem.name}.nii.gz"), noise(seed=number))
        save(stem.with_name(f"{stem.name}_DLMUSE.nii.gz"), outer)
    return root


def truncate(path: Path, share: float = 0.6) -> Path:
    """Cuts off the end of a file, as a broken copy does."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def damage(path: Path) -> Path:
    """Other bytes in the last third of a gzip file, of the same length: nothing tells it but reading that third."""
    content, third = path.read_bytes(), path.stat().st_size // 3
    path.write_bytes(content[:-third] + b"\xff" * (third - 8) + content[-8:])
    return path


def verified(dataset: str) -> None:
    """Writes the manifest, as the fetch does."""
    write_manifest(load_dataset(dataset), "", Tree.of(paths.raw(dataset)))


def retouch_phantom(root: Path) -> None:
    """Three volumes of the one scanner with their views on the other, and two of the other."""
    for number in (1, 2, 3):
        folder = retouch_volume(root, "Cirrus", number)
        for kind in ("clean", "noisy"):
            shutil.copytree(folder, root / "truth/SP" / kind / folder.name)
    for number in (25, 26):
        retouch_volume(root, "Spectralis", number)


NO_FILE = (
    "is a broken link. Put the file itself in its place.",
    "is a folder, where a file belongs. Put the file itself in its place.",
    "is missing. Get the whole archive.",
)


def said_of_no_file(place: Path, read: Callable[[], object]) -> tuple[str, ...]:
    """What is said, behind the place, of a link that leads nowhere, a folder, and nothing where a file belongs."""
    said = []
    for put, take in (
        (lambda: place.symlink_to(place.with_name("nowhere")), place.unlink),
        (place.mkdir, place.rmdir),
        (lambda: None, lambda: None),
    ):
        put()
        with pytest.raises(DataError) as caught:
            read()
        take()
        said.append(str(caught.value).removeprefix(f"{place}: "))
    return tuple(said)
