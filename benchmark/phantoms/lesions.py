"""Lesions of multiple sclerosis: their sites, number, size and shape."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.phantoms import template
from benchmark.phantoms.anatomy import EXTENT, Brain, Person
from benchmark.phantoms.exactmath import Array, exp, log
from benchmark.phantoms.fields import SmoothField
from benchmark.phantoms.streams import Stream, mask_indices
from benchmark.phantoms.template import Map, Mask

# by assumption
_SOFT = 1.0  # mm over which a lesion gives way to normal tissue
_ROUGH = (8.0, 0.5, 0.8)  # roughness of outlines: mm; standard deviation and limit, relative to the radius
_IN_CORTEX = 0.5  # plaques extend less into grey matter, and not into fluid
# Share of TISSUES["lesion"], the mean plaque, in a plaque. One standard deviation of relaxation and density about that
# mean (14, 11 and 10 % in R1, R2 and density) corresponds to 0.5 to 1.1 of its contrast on the scanners of ``msseg``.
_SEVERITY = (0.55, 1.0)


@dataclass(frozen=True)
class Site:
    """A site of lesions.

    Attributes:
        typical: number of lesions in a patient with a median load.
        diameter: median, mm, of balls of the same volume.
        spread: standard deviation of the logarithm of the diameter.
        longest: longest axis relative to the other two.
    """

    typical: int
    diameter: float
    spread: float
    longest: float


# Pongratz et al., NeuroImage: Clinical 37: 103311, 2023, found on average 13 subcortical lesions (here: deep) in 330
# patients at the onset of the disease, more than at any other site, but the largest volume periventricular (2.3 ml).
# The patients of MSSEG, later in the disease, have up to tens of ml (Commowick et al., Sci Rep 8: 13650, 2018). Lesions
# are at least 3 mm, round to ovoid, with their long axis away from the ventricles if near them (Filippi et al., Brain
# 142: 1858-1875, 2019). Infratentorial lesions, the rarest, are left out. By assumption: counts by site, which unlike
# those of Pongratz et al. are highest around the ventricles; diameters, their spread and limit; elongation; load.
SITES = {
    "periventricular": Site(typical=18, diameter=9.0, spread=0.35, longest=1.8),
    "juxtacortical": Site(typical=8, diameter=5.5, spread=0.3, longest=1.2),
    "deep": Site(typical=14, diameter=6.0, spread=0.35, longest=1.2),
}
_LOAD = (0.55, 1.8)  # a patient's number of lesions relative to the median, at all sites
_SMALLEST, _LARGEST = 3.0, 22.0  # mm
_LOWEST = -8.0  # MNI mm: brain stem and cerebellum are below


@dataclass(frozen=True)
class Plaque:
    """An ellipsoidal lesion.

    Attributes:
        centre: indices in the fine grid.
        direction: unit vector of the long axis.
        long: radius along this axis, mm.
        short: radius across it, mm.
        severity: share of lesion tissue.
    """

    centre: tuple[int, int, int]
    direction: Array
    long: float
    short: float
    severity: float


def _candidates(person: Person, brain: Brain) -> tuple[dict[str, Mask], Map]:
    """White matter that may hold the centres of each site's lesions, and distances from the ventricles.

    The thresholds between sites are by assumption.
    """
    maps = template.lesion_maps()
    ventricle = np.empty(brain.white.shape, dtype=np.float32)
    sites = {name: np.zeros(brain.white.shape, dtype=np.bool_) for name in SITES}
    for planes, _, points in person.blocks(brain.grid):
        near_ventricle = template.sample(maps.ventricle, points)
        near_cortex = template.sample(maps.cortex, points)
        cerebral = (brain.white[planes] > 0.8) & (points[2] > _LOWEST)
        ventricle[planes] = near_ventricle
        sites["periventricular"][planes] = cerebral & (near_ventricle > 1.0) & (near_ventricle < 6.0)
        sites["juxtacortical"][planes] = cerebral & (near_cortex < 3.5) & (near_ventricle > 12.0)
        sites["deep"][planes] = cerebral & (near_cortex > 4.5) & (near_ventricle > 10.0)
    for site in sites.values():
        site[:, :, [0, -1]] = False  # a slab cuts through white matter, and a slope needs both neighbours
    return sites, ventricle


def _away(distance: Map, centre: tuple[int, int, int]) -> Array:
    """Unit vector along which the distance from the ventricles grows."""
    point, steps = np.array(centre), np.eye(3, dtype=np.intp)
    slope = np.array([float(distance[tuple(point + s)]) - float(distance[tuple(point - s)]) for s in steps])
    length = math.sqrt(math.fsum(s * s for s in slope.tolist()))
    return slope / length if length > 0.0 else np.array([1.0, 0.0, 0.0])


def _plaque(name: str, centre: tuple[int, int, int], ventricle: Map, stream: Stream) -> Plaque:
    site = SITES[name]
    diameter = site.diameter * float(exp(stream.gauss(0.0, site.spread))[0])
    radius = min(max(diameter, _SMALLEST), _LARGEST) / 2.0
    # the volume of a ball of this radius: long · short² = radius³
    short = radius * float(exp(-log(site.longest) / 3.0)[0])
    direction = stream.direction(3)
    if name == "periventricular":
        direction = _away(ventricle, centre)
    return Plaque(centre, direction, site.longest * short, short, stream.number(*_SEVERITY))


def _share(plaque: Plaque, places: list[Array], middle: list[float], rough: SmoothField) -> Array:
    """Share of the plaque at each point of a box."""
    x, y, z = (place - m for place, m in zip(places, middle, strict=True))
    x, y, z = x[:, None, None], y[None, :, None], z[None, None, :]
    along = x * plaque.direction[0] + y * plaque.direction[1] + z * plaque.direction[2]
    across = np.maximum(x * x + y * y + z * z - along * along, 0.0)
    radius = np.sqrt(along * along / (plaque.long * plaque.long) + across / (plaque.short * plaque.short))
    radius = radius * (1.0 + rough.on_grid(*places))
    return np.minimum(np.maximum(0.5 + (1.0 - radius) * plaque.short / _SOFT, 0.0), 1.0)


def draw(person: Person, brain: Brain, stream: Stream, shares: Mapping[str, float]) -> tuple[Map, Map]:
    """Draws a patient's lesions on the brain's grid.

    Args:
        shares: of the brain's lesions at each site that lie on the grid; 1 by default.

    Returns:
        Share of lesion at each point, and that share times the lesion's severity.
    """
    sites, ventricle = _candidates(person, brain)
    axes = brain.grid.axes
    spacing, deviation, limit = _ROUGH
    rough = SmoothField.random(stream, EXTENT, (spacing,) * 3, deviation, limit)
    extent, severity = np.zeros_like(brain.white), np.zeros_like(brain.white)
    load = stream.number(*_LOAD)
    for name, site in SITES.items():
        for i, j, k in mask_indices(sites[name], stream, round(load * shares.get(name, 1.0) * site.typical)).tolist():
            plaque = _plaque(name, (i, j, k), ventricle, stream)
            reach = int(2.0 * plaque.long / brain.grid.spacing) + 2
            box = tuple(slice(max(c - reach, 0), c + reach + 1) for c in plaque.centre)
            middle = [float(axis[c]) for axis, c in zip(axes, plaque.centre, strict=True)]
            share = _share(plaque, [axis[part] for axis, part in zip(axes, box, strict=True)], middle, rough)
            share = share * (brain.white[box] + _IN_CORTEX * brain.grey[box])
            larger = share > extent[box]
            extent[box] = np.where(larger, share, extent[box])
            severity[box] = np.where(larger, share * plaque.severity, severity[box])
    return extent, severity
