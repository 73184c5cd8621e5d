"""Refuses scans of impossible size, which come from wrong units or damaged headers."""

import math
from dataclasses import dataclass
from typing import Literal

from benchmark.archives.formats.volumes import times
from benchmark.archives.subject import Subject
from benchmark.runtime.errors import DataError

MOST_VOXELS = 10**9
"""4 GB in float32. The largest scans of the supported archives, of a Cirrus, have 67 million voxels."""


@dataclass(frozen=True)
class Bounds:
    """Possible sizes of one kind of scan.

    Attributes:
        voxel: smallest and largest side of a voxel in mm.
        extent: shortest and longest side of the volume in mm.
        fewest: minimum number of voxels along each axis.
    """

    voxel: tuple[float, float]
    extent: tuple[float, float]
    fewest: int


# A factor of 1000 (metres or micrometres instead of millimetres) violates both. Heads: voxels from ex-vivo scans to the
# thickest slices, extents from a slab to a whole body; splines need four voxels. Retinas: a voxel is a few micrometres
# deep, scans may be thin, and the widest span some 20 mm of the eye.
BOUNDS: dict[Literal["mri", "oct"], Bounds] = {
    "mri": Bounds(voxel=(0.1, 50), extent=(5, 1000), fewest=4),
    "oct": Bounds(voxel=(0.0005, 2), extent=(0.01, 100), fewest=1),
}


def check_plausible(kind: Literal["mri", "oct"], subject: Subject) -> None:
    """Refuses a scan of impossible size.

    Args:
        kind: of the preparation.

    Raises:
        DataError: too many or too few voxels, or a voxel or a volume of an impossible size.
    """
    bounds = BOUNDS[kind]
    sides = [n * s for n, s in zip(subject.shape, subject.spacing, strict=True)]
    fault = None
    if math.prod(subject.shape) > MOST_VOXELS:
        fault = f"has {times(subject.shape)} voxels, more than {MOST_VOXELS:,}"
    elif min(subject.shape) < bounds.fewest:
        fault = f"has {times(subject.shape)} voxels, and {bounds.fewest} are needed along each axis"
    elif min(subject.spacing) < bounds.voxel[0] or max(subject.spacing) > bounds.voxel[1]:
        low, high = bounds.voxel
        fault = f"has voxels of {times(subject.spacing)} mm, and sides from {low:g} to {high:g} mm can be real"
    elif min(sides) < bounds.extent[0] or max(sides) > bounds.extent[1]:
        low, high = bounds.extent
        fault = f"spans {times(sides)} mm, and sides from {low:g} to {high:g} mm can be real"
    if fault:
        remedy = "Put the original file in its place (sizes are in mm), or exclude the subject in the dataset's config"
        raise DataError(subject.files[0], fault, remedy)
