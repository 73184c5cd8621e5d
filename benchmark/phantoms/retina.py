"""Synthetic eyes: retinal layers around a fovea, with fluid in and under them.

A retina is a stack of layers whose thickness is a map over the fundus. Pools of fluid are layers too, of thickness 0
elsewhere, so that they lift the layers above, as oedema does. Coordinates are mm: x along a B-scan, y into the eye, z
across B-scans; x = z = 0 near the fovea.
"""

from dataclasses import dataclass

import numpy as np

from benchmark.phantoms.exactmath import Array, exp
from benchmark.phantoms.fields import SmoothField
from benchmark.phantoms.streams import Stream

IRF, SRF, PED = 1, 2, 3
"""Labels of intraretinal fluid, subretinal fluid and pigment epithelial detachment."""


@dataclass(frozen=True)
class Layer:
    """A layer of the eye, from the vitreous down.

    Attributes:
        name: the usual abbreviation.
        thickness: mean µm within 0.5 mm of the fovea, from 0.5 to 1.5 mm, and from 1.5 to 3 mm; None for fluid.
        reflectivity: backscattered light relative to the nerve fibre layer.
        attenuation: of light, per mm.
        label: label of fluid, else 0.
    """

    name: str
    thickness: tuple[float, float, float] | None
    reflectivity: float
    attenuation: float
    label: int = 0


# Thickness: Xu et al., BMC Ophthalmol 18: 169, 2018, Table 6 (Spectralis; mean of the four sectors of a ring). The 90,
# 83 and 79 µm from the outer limiting membrane through the pigment epithelium contain the bands of Staurenghi et al.,
# Ophthalmology 121: 1572-1578, 2014. By assumption: the shares of these bands, and where cysts split the nuclear
# layers. Choroid: Margolis and Spaide, Am J Ophthalmol 147: 811-815, 2009. Attenuation: of the order found by Vermeer
# et al., Biomed Opt Express 5: 322-337, 2014. Reflectivity: no source measures all layers on one device. The values
# follow the order in normal OCT (pigment epithelium and ellipsoid zone, nerve fibres, plexiform, ganglion cell, nuclear
# layers: Chen et al., PLoS One 11: e0148183, 2016) within 15 dB; fluid and vitreous scatter almost nothing; the fluid
# of detachments is slightly turbid.
LAYERS = (
    Layer("RNFL", (10.8, 21.2, 35.5), 1.0, 3.5),
    Layer("GCL", (12.3, 50.0, 37.0), 0.40, 1.5),
    Layer("IPL", (18.3, 41.4, 30.3), 0.55, 1.5),
    Layer("INL", (7.6, 19.4, 16.7), 0.20, 1.0),
    Layer("IRF in INL", None, 0.001, 0.0, IRF),
    Layer("INL", (7.7, 19.4, 16.6), 0.20, 1.0),
    Layer("OPL", (23.5, 33.0, 26.9), 0.50, 1.5),
    Layer("ONL", (48.6, 37.2, 30.2), 0.10, 0.5),
    Layer("IRF in ONL", None, 0.001, 0.0, IRF),
    Layer("ONL", (39.8, 30.4, 24.7), 0.08, 0.5),
    Layer("ELM", (6.0, 6.0, 6.0), 0.35, 1.0),
    Layer("MZ", (22.7, 18.0, 17.4), 0.12, 1.0),
    Layer("EZ", (16.0, 15.0, 15.0), 1.8, 3.0),
    Layer("OS", (28.0, 28.0, 27.0), 0.45, 2.0),
    Layer("SRF", None, 0.001, 0.0, SRF),
    Layer("RPE", (17.5, 15.7, 13.9), 2.5, 12.0),
    Layer("PED", None, 0.01, 0.5, PED),
    Layer("BM and choriocapillaris", (12.0, 12.0, 12.0), 0.7, 6.0),
    Layer("choroid", (287.0, 270.0, 240.0), 0.45, 6.0),
    Layer("sclera", (2000.0, 2000.0, 2000.0), 0.30, 6.0),
)
VITREOUS = Layer("vitreous", None, 0.0005, 0.0)
_NAMES = [layer.name for layer in LAYERS]
RETINA = slice(0, _NAMES.index("PED") + 1)
"""Layers from the inner limiting membrane to Bruch's membrane."""

_THICKNESS_DEVIATION = 0.07  # between persons (standard deviations of the same table: 5 to 15 %)
_BUMPS = (0.5, 0.06, 0.12)  # variation within a layer: mm; standard deviation and limit, relative


@dataclass(frozen=True)
class Dome:
    """A pool of fluid over an elliptic base.

    Attributes:
        x: of its centre, mm.
        z: of its centre, mm.
        radii: half axes of the base, mm.
        direction: cosine and sine of the angle between x and the first half axis.
        height: at the centre, mm.
        steep: True for the profile of an ellipsoid (a cyst), False for a parabola (a blister).
    """

    x: float
    z: float
    radii: tuple[float, float]
    direction: tuple[float, float]
    height: float
    steep: bool

    def on(self, x: Array, z: float) -> Array:
        """Height at positions along one B-scan."""
        dx, dz = x - self.x, z - self.z
        cosine, sine = self.direction
        u = (dx * cosine + dz * sine) / self.radii[0]
        v = (dz * cosine - dx * sine) / self.radii[1]
        rest = np.maximum(1.0 - u * u - v * v, 0.0)
        return self.height * (np.sqrt(rest) if self.steep else rest)


@dataclass(frozen=True)
class Pools:
    """Distribution of one kind of pools.

    Attributes:
        count: least and greatest number in an eye.
        distance: greatest distance from the fovea, mm.
        radius: least and greatest mean radius, mm.
        height: median height, mm.
        steep: see ``Dome``.
    """

    count: tuple[int, int]
    distance: float
    radius: tuple[float, float]
    height: float
    steep: bool


# RETOUCH's eyes have macular degeneration or vein occlusion, and not all have all three fluids (Bogunović et al., IEEE
# TMI 38: 1858-1874, 2019). Here every eye has all three, as is frequent in active neovascular macular degeneration, so
# that every class can be scored in every test subject. Shapes: cysts in inner and outer nuclear layer, flat subretinal
# blisters, dome-shaped detachments below them (Schmidt-Erfurth and Waldstein, Prog Retin Eye Res 50: 1-24, 2016). By
# assumption: counts, heights and sizes, such as 0.1 to 1 mm across cysts.
POOLS = {
    "IRF in INL": Pools(count=(4, 9), distance=1.5, radius=(0.08, 0.22), height=0.07, steep=True),
    "IRF in ONL": Pools(count=(3, 7), distance=1.2, radius=(0.12, 0.35), height=0.12, steep=True),
    "SRF": Pools(count=(1, 3), distance=1.0, radius=(0.4, 0.9), height=0.10, steep=False),
    "PED": Pools(count=(1, 3), distance=1.0, radius=(0.35, 0.8), height=0.15, steep=False),
}
_HEIGHT_SPREAD = 0.25  # standard deviation of the logarithm, by assumption
_SQUEEZE = 0.5  # share of a cyst's height by which it compresses the outer nuclear layer


def _ring_profile(layer: Layer, distance: Array) -> Array:
    """Thickness (mm) at distances from the fovea; its means over the three rings are near the table's."""
    if layer.thickness is None:
        return np.zeros_like(distance)
    fovea, inner, outer = layer.thickness
    near = np.minimum(distance, 1.0)
    rise = near * near * (3.0 - 2.0 * near)
    # 0.275 is the mean of ``rise`` within 0.5 mm
    centre = max((fovea - 0.275 * inner) / 0.725, 0.0)
    far = np.minimum(np.maximum((distance - 1.0) / 1.25, 0.0), 1.0)
    fall = far * far * (3.0 - 2.0 * far)
    return 0.001 * (centre + (inner - centre) * rise + (outer - inner) * fall)


@dataclass(frozen=True)
class Eye:
    """One eye.

    Attributes:
        fovea: x and z of the fovea.
        factors: thickness of each layer relative to the mean.
        bumps: relative variation of thickness within each layer.
        pools: pools of each kind of fluid.
        level: depth (mm) of Bruch's membrane at the centre of the field.
        tilt: its slope along x and z.
        curvature: per mm.
        vessels: contrast of the choroid's vessels in x, y, z.
    """

    fovea: tuple[float, float]
    factors: tuple[float, ...]
    bumps: tuple[SmoothField, ...]
    pools: dict[str, tuple[Dome, ...]]
    level: float
    tilt: tuple[float, float]
    curvature: float
    vessels: SmoothField

    @classmethod
    def random(cls, stream: Stream, field: tuple[float, float, float]) -> "Eye":
        """A random eye in a field of view of ``field`` mm along x, y, z; position, tilt, curvature by assumption."""
        width, depth, height = field
        spacing, deviation, limit = _BUMPS
        fovea = (stream.gauss(0.0, 0.12), stream.gauss(0.0, 0.12))
        return cls(
            fovea=fovea,
            factors=tuple(stream.gauss(1.0, _THICKNESS_DEVIATION) for _ in LAYERS),
            bumps=tuple(
                SmoothField.random(stream, (width, height), (spacing, spacing), deviation, limit) for _ in LAYERS
            ),
            pools={name: _pools(pools, fovea, stream) for name, pools in POOLS.items()},
            level=0.72 * depth + stream.gauss(0.0, 0.02),
            tilt=(stream.gauss(0.0, 0.02), stream.gauss(0.0, 0.02)),
            curvature=stream.gauss(-0.012, 0.004),
            vessels=SmoothField.random(stream, field, (0.15, 0.06, 0.15), 1.0, 2.0),
        )

    def thicknesses(self, x: Array, z: float) -> list[Array]:
        """Thickness (mm) of each of ``LAYERS`` along one B-scan."""
        dx, dz = x - self.fovea[0], z - self.fovea[1]
        distance = np.sqrt(dx * dx + dz * dz)
        here = np.array([z])
        maps = []
        for layer, factor, bumps in zip(LAYERS, self.factors, self.bumps, strict=True):
            if layer.label:
                maps.append(self._fluid(layer.name, x, z))
            else:
                maps.append(_ring_profile(layer, distance) * factor * (1.0 + bumps.on_grid(x, here)[:, 0]))
        cyst = maps[_NAMES.index("IRF in ONL")]
        for index, name in enumerate(_NAMES):
            if name == "ONL":
                maps[index] = np.maximum(maps[index] - 0.5 * _SQUEEZE * cyst, 0.3 * maps[index])
        return maps

    def _fluid(self, name: str, x: Array, z: float) -> Array:
        height = np.zeros_like(x)
        for dome in self.pools[name]:
            height = np.maximum(height, dome.on(x, z))
        return height

    def boundaries(self, x: Array, z: float) -> Array:
        """Depth (mm) of the top of each layer along one B-scan, shape (layers, x)."""
        maps = self.thicknesses(x, z)
        bruch = self.level + self.tilt[0] * x + self.tilt[1] * z + self.curvature * (x * x + z * z)
        tops = [bruch]
        for thickness in reversed(maps[RETINA]):
            tops.insert(0, tops[0] - thickness)
        for thickness in maps[RETINA.stop : -1]:
            tops.append(tops[-1] + thickness)
        return np.stack(tops)


def _pools(pools: Pools, fovea: tuple[float, float], stream: Stream) -> tuple[Dome, ...]:
    least, most = pools.count
    domes = []
    for _ in range(least + int(stream.number(0.0, 1.0) * (most - least + 1))):
        towards, turn = stream.direction(2).tolist(), stream.direction(2).tolist()
        # The square root makes centres uniform over the disc.
        distance = pools.distance * float(np.sqrt(stream.number(0.0, 1.0)))
        radius, longer = stream.number(*pools.radius), stream.number(1.0, 1.4)
        domes.append(
            Dome(
                x=fovea[0] + distance * towards[0],
                z=fovea[1] + distance * towards[1],
                radii=(radius * longer, radius / longer),
                direction=(turn[0], turn[1]),
                height=pools.height * float(exp(stream.gauss(0.0, _HEIGHT_SPREAD))[0]),
                steep=pools.steep,
            )
        )
    return tuple(domes)
