"""Brains of people who do not exist: the template, deformed and put into a scanner.

Coordinates are those of the imaged slab: mm along R, A and S from the centre of the field of view.
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
"""Size in mm of the box that holds every head."""

_CENTRE = (0.0, -18.0, 6.0)  # MNI mm in the middle of the brain, which the operator centres in the field of view

# A sum of uniform cubic B-spline displacements is invertible where Σ (greatest coefficient / spacing) < 1 / 2.48
# (Choi and Lee, Graphical Models 62: 411-427, 2000). Two levels, lobes and gyri, which move a point by some 3.5 mm.
_DEFORMATION = ((40.0, 6.0, 10.0), (16.0, 1.4, 2.4))  # spacing, standard deviation and limit of coefficients, mm
# standard deviations by assumption
_SIZE_DEVIATION = 0.035  # of each axis of the head; with it, brains differ by 6 % in volume (√3 times as much)
_TILT = 0.05  # radians: how far a head is turned in the head coil
_OFFSET = 4.0  # mm: how far it is off the centre
_FLUID = (1.1, 2.2)  # how much of a mixed voxel is fluid, against the template: young adult to atrophy
_PLANES = 24  # computed at once
_HETEROGENEITY = (14.0, 0.05, 0.1)  # signal within a tissue: mm, standard deviation and limit of coefficients


def rotation(angles: tuple[float, float, float]) -> Matrix:
    """Cayley's rotation matrix for a rotation vector in radians, good for small angles; needs no sine."""
    x, y, z = (angle / 2.0 for angle in angles)
    scale = 1.0 + x * x + y * y + z * z
    return [
        [(1 + x * x - y * y - z * z) / scale, 2 * (x * y - z) / scale, 2 * (x * z + y) / scale],
        [2 * (x * y + z) / scale, (1 - x * x + y * y - z * z) / scale, 2 * (y * z - x) / scale],
        [2 * (x * z - y) / scale, 2 * (y * z + x) / scale, (1 - x * x - y * y + z * z) / scale],
    ]


def fine_axes(spacing: float) -> tuple[Array, Array, Array]:
    """Positions (mm) along the axes of the fine grid."""
    x, y, z = (grid_positions(round(extent / spacing), spacing) for extent in EXTENT)
    return x, y, z


@dataclass(frozen=True)
class Person:
    """Where each point of a slab lies in the template.

    Attributes:
        matrix: slab mm to MNI mm, after the deformation: rotation and size.
        offset: MNI mm of the slab's centre.
        displacements: one tuple of x, y, z fields for each level of the deformation.
        fluid: weight of fluid in mixed voxels.
        variation: relative signal within tissues.
    """

    matrix: Matrix
    offset: tuple[float, float, float]
    displacements: tuple[tuple[SmoothField, SmoothField, SmoothField], ...]
    fluid: float
    variation: SmoothField

    @classmethod
    def random(cls, stream: Stream) -> "Person":
        """Somebody."""
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
            offset=(_CENTRE[0] + shift[0], _CENTRE[1] + shift[1], _CENTRE[2] + shift[2]),
            displacements=tuple(displacements),
            fluid=stream.number(*_FLUID),
            variation=SmoothField.random(stream, EXTENT, (spacing,) * 3, deviation, limit),
        )

    def to_template(self, x: Array, y: Array, z: Array) -> Points:
        """MNI positions (mm) of the grid that three axes of slab positions span."""
        moved: list[Array] = [x[:, None, None], y[None, :, None], z[None, None, :]]
        for level in self.displacements:
            moved = [position + field.on_grid(x, y, z) for position, field in zip(moved, level, strict=True)]
        a, b, c = moved
        i, j, k = (row[0] * a + row[1] * b + row[2] * c + o for row, o in zip(self.matrix, self.offset, strict=True))
        return i, j, k

    def blocks(self, spacing: float) -> Iterator[tuple[slice, tuple[Array, Array, Array], Points]]:
        """The fine grid, a few planes at a time to keep memory low: planes, their axes, their MNI positions."""
        x, y, z = fine_axes(spacing)
        for start in range(0, x.size, _PLANES):
            planes = slice(start, start + _PLANES)
            yield planes, (x[planes], y, z), self.to_template(x[planes], y, z)


@dataclass(frozen=True)
class Brain:
    """Tissue shares on a fine isotropic grid, centred in the field of view.

    Attributes:
        spacing: mm.
        inside: share that lies inside the arachnoid; the other shares add up to it.
        white: share of white matter.
        grey: share of grey matter.
        fluid: share of cerebrospinal fluid.
        variation: relative signal within tissues, about 1.
    """

    spacing: float
    inside: Map
    white: Map
    grey: Map
    fluid: Map
    variation: Map


def _shares(person: Person, points: Points) -> list[Array]:
    """Shares of inside, white, grey and fluid.

    The template's shares are means over 152 people; one person's tissues have sharper borders, so shares are squared
    and scaled back to their sum.
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


def build(person: Person, spacing: float) -> Brain:
    """The person's tissues at a resolution of ``spacing`` mm."""
    shape = tuple(axis.size for axis in fine_axes(spacing))
    maps = [np.empty(shape, dtype=np.float32) for _ in range(5)]
    for planes, axes, points in person.blocks(spacing):
        values = [*_shares(person, points), 1.0 + person.variation.on_grid(*axes)]
        for volume, value in zip(maps, values, strict=True):
            volume[planes] = value
    return Brain(spacing, *maps)
