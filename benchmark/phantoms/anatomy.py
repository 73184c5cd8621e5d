"""Synthetic brains: the template, deformed and placed in a scanner.

Coordinates are mm along R, A and S from the centre of the imaged slab.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.phantoms import template
from benchmark.phantoms.exactmath import Array
from benchmark.phantoms.fields import SmoothField, grid_positions
from benchmark.phantoms.streams import Stream
from benchmark.phantoms.template import Map

Points = tuple[Array, Array, Array]
Matrix = list[list[float]]

EXTENT = (184.0, 220.0, 188.0)
"""Size in mm of a box that contains every head."""

_CENTRE = (0.0, -18.0, 6.0)  # MNI mm: middle of the brain, which the operator centres in the field of view

# A sum of uniform cubic B-spline displacements is invertible if Σ (greatest coefficient / spacing) < 1 / 2.48 (Choi and
# Lee, Graphical Models 62: 411-427, 2000). Two levels, for lobes and gyri, move a point by about 3.5 mm.
_DEFORMATION = ((40.0, 6.0, 10.0), (16.0, 1.4, 2.4))  # spacing, standard deviation and limit of coefficients, mm
# standard deviations by assumption
_SIZE_DEVIATION = 0.035  # of each axis of the head; brains then differ by 6 % in volume (√3 times as much)
_TILT = 0.05  # radians of rotation in the head coil
_OFFSET = 4.0  # mm from the centre of the coil
_FLUID = (1.1, 2.2)  # weight of fluid in mixed voxels relative to the template: young adult to atrophy
_PLANES = 24  # computed at a time
_HETEROGENEITY = (14.0, 0.05, 0.1)  # signal within a tissue: mm, standard deviation and limit of coefficients


def rotation(angles: tuple[float, float, float]) -> Matrix:
    """Cayley's rotation matrix of a small rotation vector in radians, without sine and cosine."""
    x, y, z = (angle / 2.0 for angle in angles)
    scale = 1.0 + x * x + y * y + z * z
    return [
        [(1 + x * x - y * y - z * z) / scale, 2 * (x * y - z) / scale, 2 * (x * z + y) / scale],
        [2 * (x * y + z) / scale, (1 - x * x + y * y - z * z) / scale, 2 * (y * z - x) / scale],
        [2 * (x * z - y) / scale, 2 * (y * z + x) / scale, (1 - x * x - y * y + z * z) / scale],
    ]


@dataclass(frozen=True)
class Grid:
    """The fine isotropic grid of an anatomy, centred in the field of view.

    Attributes:
        spacing: mm.
        height: mm along S, by default that of every head; less for a slab.
    """

    spacing: float
    height: float = EXTENT[2]

    @property
    def axes(self) -> tuple[Array, Array, Array]:
        """Positions (mm) along R, A and S."""
        x, y, z = (grid_positions(round(e / self.spacing), self.spacing) for e in (*EXTENT[:2], self.height))
        return x, y, z


@dataclass(frozen=True)
class Person:
    """A person: the map from slab to template coordinates, and tissue properties.

    Attributes:
        matrix: slab mm to MNI mm, after the deformation: rotation and size.
        offset: MNI mm of the slab's centre.
        displacements: x, y and z fields of each level of the deformation.
        fluid: weight of fluid in mixed voxels.
        variation: relative signal within tissues.
    """

    matrix: Matrix
    offset: tuple[float, float, float]
    displacements: tuple[tuple[SmoothField, SmoothField, SmoothField], ...]
    fluid: float
    variation: SmoothField

    @classmethod
    def random(cls, stream: Stream, above: float = 0.0) -> "Person":
        """A random person, whose slab's middle is ``above`` mm above that of the brain."""
        tilt = rotation((stream.gauss(0.0, _TILT), stream.gauss(0.0, _TILT), stream.gauss(0.0, _TILT)))
        sizes = [stream.gauss(1.0, _SIZE_DEVIATION) for _ in range(3)]
        shift = [stream.gauss(0.0, _OFFSET) for _ in range(3)]
        displacements = []
        for spacing, deviation, limit in _DEFORMATION:
            x, y, z = (SmoothField.random(stream, EXTENT, (spacing,) * 3, deviation, limit) for _ in range(3))
            displacements.append((x, y, z))
        spacing, deviation, limit = _HETEROGENEITY
        return cls(
            matrix=[[tilt[i][j] * sizes[i] for j in range(3)] for i in range(3)],
            offset=(_CENTRE[0] + shift[0], _CENTRE[1] + shift[1], _CENTRE[2] + above + shift[2]),
            displacements=tuple(displacements),
            fluid=stream.number(*_FLUID),
            variation=SmoothField.random(stream, EXTENT, (spacing,) * 3, deviation, limit),
        )

    def to_template(self, x: Array, y: Array, z: Array) -> Points:
        """MNI positions (mm) of the grid spanned by three axes of slab positions."""
        moved: list[Array] = [x[:, None, None], y[None, :, None], z[None, None, :]]
        for level in self.displacements:
            moved = [position + field.on_grid(x, y, z) for position, field in zip(moved, level, strict=True)]
        a, b, c = moved
        i, j, k = (row[0] * a + row[1] * b + row[2] * c + o for row, o in zip(self.matrix, self.offset, strict=True))
        return i, j, k

    def blocks(self, grid: Grid) -> Iterator[tuple[slice, tuple[Array, Array, Array], Points]]:
        """The grid in blocks of a few planes, to save memory: planes, their axes, their MNI positions."""
        x, y, z = grid.axes
        for start in range(0, x.size, _PLANES):
            planes = slice(start, start + _PLANES)
            yield planes, (x[planes], y, z), self.to_template(x[planes], y, z)


@dataclass(frozen=True)
class Brain:
    """Tissue shares on a fine grid.

    Attributes:
        grid: the grid.
        inside: share inside the arachnoid, the sum of the three tissue shares.
        white: share of white matter.
        grey: share of grey matter.
        fluid: share of cerebrospinal fluid.
        variation: relative signal within tissues, about 1.
    """

    grid: Grid
    inside: Map
    white: Map
    grey: Map
    fluid: Map
    variation: Map


def _shares(person: Person, points: Points) -> list[Array]:
    """Shares of inside, white, grey and fluid.

    The template's shares are means over 152 people. A single person's tissues have sharper borders, so shares are
    squared and rescaled to their sum.
    """
    atlas = template.load()
    inside = np.minimum(np.maximum(0.5 + template.sample(atlas.depth, points), 0.0), 1.0)
    head = np.nonzero(inside)
    x, y, z = (axis[head] for axis in points)
    white, grey = template.sample(atlas.white, (x, y, z)), template.sample(atlas.grey, (x, y, z))
    fluid = np.maximum(1.0 - white - grey, 0.0)
    weights = [white * white, grey * grey, person.fluid * fluid * fluid]
    scale = inside[head] / (weights[0] + weights[1] + weights[2])
    shares = [inside]
    for weight in weights:
        share = np.zeros_like(inside)
        share[head] = weight * scale
        shares.append(share)
    return shares


def build(person: Person, grid: Grid) -> Brain:
    """The person's tissues on a grid."""
    shape = tuple(axis.size for axis in grid.axes)
    maps = [np.empty(shape, dtype=np.float32) for _ in range(5)]
    for planes, axes, points in person.blocks(grid):
        values = [*_shares(person, points), 1.0 + person.variation.on_grid(*axes)]
        for volume, value in zip(maps, values, strict=True):
            volume[planes] = value
    return Brain(grid, *maps)
