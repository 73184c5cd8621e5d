"""Full-size subjects of phantoms and of real archives, resampled to the same voxels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmark.archives.formats.volumes import Volume
from benchmark.archives.readers import reader
from benchmark.archives.subject import Subject
from benchmark.config.dataset import MRIPreparation
from benchmark.config.load import load_dataset
from benchmark.phantoms import anatomy
from benchmark.phantoms.generate import load_kind
from benchmark.phantoms.mri import Placement
from benchmark.phantoms.streams import Stream
from benchmark.preparation import brain
from benchmark.preparation.geometry import Grid, crop, resample_image, resample_mask, to_canonical
from benchmark.preparation.tissue import classify_tissues, correct_bias_field
from benchmark.runtime.atomic import atomic_folder
from benchmark.runtime.errors import DataError
from studies.realism.brain import white_median

_IDENTITY = np.eye(4)
_MARGIN = 2.0  # mm kept around the brain
_ANATOMY = 1.0  # mm between points of the anatomy for a phantom's brain mask


@dataclass(frozen=True)
class Brain:
    """A brain on an isotropic RAS grid.

    Attributes:
        image: bias-corrected intensities; the median of white matter is 1.
        labels: tissue classes.
        mask: the brain.
        spacing: mm.
    """

    image: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.bool_]
    spacing: float


def generated(kind: str, name: str, folder: Path) -> Subject:
    """A full-size phantom subject, generated into ``folder`` unless it exists there.

    Args:
        kind: ``ixi``, ``msseg`` or ``retouch``.
        name: one of the kind's subjects.
        folder: for all generated subjects.

    Raises:
        DataError: its files are damaged.
    """
    root = folder / kind / name
    if not root.exists():
        with atomic_folder(root) as unfinished:
            load_kind(kind).write(name, "full", unfinished)
    found = list(reader(kind)(root))
    # The reader also reports the missing folders of other scanners, which do not matter here.
    subjects = [subject for subject in found if isinstance(subject, Subject)]
    if not subjects:
        raise DataError(root, f"holds no subject ({found[0]})", "Delete it and run this again")
    return subjects[0]


def real(root: Path, domain: str, count: int) -> list[Subject]:
    """The first subjects of one scanner of ``oasis_ixi``, by id.

    Raises:
        DataError: the archive is missing or damaged.
    """
    subjects = []
    for found in reader("oasis_ixi")(root):
        if isinstance(found, DataError):
            raise found
        subjects.append(found)
    return sorted((s for s in subjects if s.domain == domain), key=lambda s: s.id)[:count]


def phantom_brain(name: str) -> Volume:
    """The mask of an ``ixi`` phantom's white and grey matter, comparable to anatomical labels of real scans.

    It is computed from the anatomy, not from the image, on its own grid at the position of the scan.
    """
    person = anatomy.Person.random(Stream("ixi", "full", name, "person"))
    placement = Placement.random(Stream("ixi", "full", name, "placement"))
    shares = anatomy.build(person, anatomy.Grid(_ANATOMY))
    data = (shares.white + shares.grey >= 0.5).astype(np.uint8)
    affine = np.eye(4)
    affine[:3, :3] = _ANATOMY * np.array(placement.tilt)
    affine[:3, 3] = placement.centre - affine[:3, :3] @ ((np.array(data.shape) - 1) / 2)
    return Volume(data, affine, Path(name))


def prepared(image: Volume, mask: Volume, spacing: float, *, blurred: bool = True) -> Brain:
    """Prepares an image as ``oasis_ixi``, on voxels of ``spacing`` mm: closed mask, N4, tissue classes by HMRF.

    Args:
        image: with or without skull.
        mask: the brain without sulcal fluid, at the same position.
        spacing: mm.
        blurred: blur to the larger voxels' point spread before sampling, as the suite does; otherwise interpolate
            linearly, as many tools do, which keeps noise and aliasing.

    Raises:
        DataError: the image does not have three tissue classes.
    """
    settings = load_dataset("oasis_ixi").preparation
    assert isinstance(settings, MRIPreparation)
    image = to_canonical(image)
    grid = Grid.of(image).with_spacing(spacing)
    moved = resample_image(image, grid, _IDENTITY) if blurred else _interpolated(image, grid)
    moved = Volume(np.maximum(moved.data, np.float32(0)), grid.affine, image.path)
    closed = brain.close_mask(resample_mask(mask, grid, _IDENTITY), settings.mask_closing)
    box = brain.bounding_box(closed, _MARGIN)
    scan, inside = crop(moved, box), crop(closed, box)
    scan = correct_bias_field(scan, inside, settings.n4_levels)
    labels = np.asarray(classify_tissues(scan, inside).data)
    data = np.asarray(scan.data, np.float32)
    return Brain(data / np.float32(white_median(data, labels)), labels, np.asarray(inside.data) > 0, spacing)


def _interpolated(image: Volume, grid: Grid) -> Volume:
    step = np.linalg.inv(image.affine) @ grid.affine
    data = ndimage.affine_transform(np.asarray(image.data, np.float32), step, output_shape=grid.shape, order=1)
    return Volume(data, grid.affine, image.path)


def resampled(image: Volume, mask: Volume, spacing: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """A brain-extracted image, with a median of 1, and its mask, on voxels of ``spacing`` mm."""
    image, mask = to_canonical(image), to_canonical(mask)
    grid = Grid.of(image).with_spacing(spacing)
    inside = np.asarray(resample_mask(mask, grid, _IDENTITY).data) > 0
    data = np.asarray(resample_image(image, grid, _IDENTITY).data, np.float32)
    return data / np.median(data[inside]), inside
