"""What is left of small lesions when a label map is resampled to 1 mm, by four rules.

    python -m studies.label_resampling [--lesions 400]

Each lesion is the voxels of 0.5 × 0.5 × 1.1 mm nearest to a random point, and lies at random on the grid of 1 mm, whose
axes are parallel to its own or turned by 10°. Prints the volume kept of all lesions together, and the share of the
lesions of which nothing is left.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.archives.formats.volumes import Volume
from benchmark.preparation.geometry import Grid, Matrix, resample_image, resample_labels

SPACING = (0.5, 0.5, 1.1)  # mm
VOLUMES = (1.1, 2.5, 8.8, 30.0)  # mm³
ANGLE = np.deg2rad(10)
_SHAPE = (28, 28, 14)
_GRID = Grid((14, 14, 14), np.eye(4))


def overlaps(scale: float, shift: float, count: int, source: int) -> npt.NDArray[np.float64]:
    """Share of each of ``count`` intervals that each of ``source`` covers; both have length 1 in their own units.

    Args:
        scale, shift: lead from positions of the first to those of the second; voxel i lies about i.
    """
    low, high = (scale * (np.arange(count)[:, None] + side) + shift for side in (-0.5, 0.5))
    centres = np.arange(source)
    covered = np.minimum(np.maximum(low, high), centres + 0.5) - np.maximum(np.minimum(low, high), centres - 0.5)
    return np.asarray(np.maximum(covered, 0) / abs(scale))


def exact_shares(labels: Volume, grid: Grid, matrix: Matrix, value: int) -> npt.NDArray[np.float64]:
    """Share of a label in each voxel of a grid with parallel axes, in closed form."""
    step = np.linalg.inv(labels.affine) @ matrix @ grid.affine
    axes = (overlaps(step[a, a], step[a, 3], grid.shape[a], labels.data.shape[a]) for a in range(3))
    return np.asarray(np.einsum("ai,bj,ck,ijk->abc", *axes, (labels.data == value).astype(float), optimize=True))


def lesion(volume: float, random: np.random.Generator) -> Volume:
    """A label map with one lesion of about that volume in its middle, the origin of its positions."""
    centre = (np.array(_SHAPE) - 1) / 2
    positions = (np.indices(_SHAPE).reshape(3, -1).T - centre) * SPACING
    apart = np.linalg.norm(positions - random.uniform(-0.5, 0.5, 3) * SPACING, axis=1)
    data = np.zeros(_SHAPE, np.uint8)
    data.ravel()[np.argsort(apart)[: round(volume / np.prod(SPACING))]] = 1
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -centre * SPACING
    return Volume(data, affine, Path("lesion"))


def placement(angle: float, random: np.random.Generator) -> Matrix:
    """From the grid of 1 mm to a lesion."""
    matrix = np.eye(4)
    for plane in ((0, 1), (1, 2)):
        turn = np.eye(4)
        turn[np.ix_(plane, plane)] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        matrix = turn @ matrix
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(_GRID.shape) - 1) / 2 + random.uniform(-0.5, 0.5, 3))
    return matrix


def blurred(labels: Volume, grid: Grid, matrix: Matrix) -> npt.NDArray[np.bool_]:
    """Above a half after a blur to the voxel's point spread and linear interpolation."""
    return np.asarray(np.asarray(resample_image(labels, grid, matrix, spline=False).data) > 0.5)


def nearest(labels: Volume, grid: Grid, matrix: Matrix) -> npt.NDArray[np.bool_]:
    """The label at the voxel's centre."""
    step = np.linalg.inv(labels.affine) @ matrix @ grid.affine
    i, j, k = np.rint(np.tensordot(step[:3, :3], np.indices(grid.shape), 1) + step[:3, 3, None, None, None]).astype(int)
    inside = np.logical_and.reduce([(n >= 0) & (n < s) for n, s in zip((i, j, k), labels.data.shape, strict=True)])
    return np.asarray(inside & (labels.data[i * inside, j * inside, k * inside] > 0))


RULES: dict[str, Callable[[Volume, Grid, Matrix], npt.NDArray[np.bool_]]] = {
    "blur before the vote": blurred,
    "nearest neighbour": nearest,
    "exact shares": lambda labels, grid, matrix: exact_shares(labels, grid, matrix, 1) > 0.5,
    "resample_labels": lambda labels, grid, matrix: np.asarray(resample_labels(labels, grid, matrix, [1]).data) > 0,
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Compare rules that resample labels, by what they leave of lesions.")
    parser.add_argument("--lesions", type=int, default=400, help="of each volume")
    count = parser.parse_args().lesions
    for name, angle in (("parallel", 0.0), ("turned by 10°", ANGLE)):
        for volume in VOLUMES:
            random = np.random.default_rng(2021)
            cases = [(lesion(volume, random), placement(angle, random)) for _ in range(count)]
            before = sum(int(labels.data.sum()) for labels, _ in cases) * np.prod(SPACING)
            for rule, resample in RULES.items():
                if angle and rule == "exact shares":  # a closed form for parallel axes only
                    continue
                kept = np.array([resample(labels, _GRID, matrix).sum() for labels, matrix in cases])
                print(f"{name}, {volume} mm³, {rule}: {kept.sum() / before:.1%} kept, {(kept == 0).mean():.1%} lost")


if __name__ == "__main__":
    main()
