"""MRI scanners: signal, voxels, coil, noise, and the position in the header.

Relaxation determines the signal of a tissue. A voxel sums the signals of its tissues (partial volume), blurred by the
point spread, shaded by the coil, with Rician noise.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.phantoms.anatomy import EXTENT, Brain, Matrix, rotation
from benchmark.phantoms.exactmath import Array, exp, sin_cos
from benchmark.phantoms.fields import SmoothField, grid_positions, resample
from benchmark.phantoms.streams import Stream
from benchmark.phantoms.template import Map
from benchmark.phantoms.volumefiles import write_nifti

_DEGREE = 0.017453292519943295
_AXES = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


@dataclass(frozen=True)
class Tissue:
    """Proton density (water = 1) and relaxation times in ms."""

    density: float
    t1: float
    t2: float
    t2_star: float


# Proton density: Kwan, Evans and Pike, IEEE Trans Med Imaging 18: 1085-1097, 1999 (BrainWeb).
# T1: Wright et al., MAGMA 21: 121-130, 2008 (white and grey matter, in vivo, both fields in one study); cerebrospinal
# fluid, which does not change with the field: Rooney et al., Magn Reson Med 57: 308-318, 2007.
# T2: Stanisz et al., Magn Reson Med 54: 507-512, 2005 (in vitro, bovine white and grey matter); fluid: Spijkerman et
# al., MAGMA 31: 415-424, 2018, measured at 3 T and 7 T; by assumption the same at 1.5 T.
# T2*: Peters et al., Magn Reson Imaging 25: 748-753, 2007; fluid by assumption, long compared with echo times.
# Lesions: white matter with the differences between plaques and normal-appearing white matter of Hagiwara et al., AJNR
# 38: 237-242, 2017 (-35 % in R1, -21 % in R2, +23 % in density), rounded; measured at 3 T, by assumption the same at
# 1.5 T. T2* by assumption that of grey matter.
TISSUES: dict[float, dict[str, Tissue]] = {
    1.5: {
        "white": Tissue(0.77, 646.0, 72.0, 66.2),
        "grey": Tissue(0.86, 1197.0, 95.0, 84.0),
        "fluid": Tissue(1.00, 4300.0, 2000.0, 500.0),
        "lesion": Tissue(0.95, 1000.0, 91.0, 84.0),
    },
    3.0: {
        "white": Tissue(0.77, 838.0, 69.0, 53.2),
        "grey": Tissue(0.86, 1607.0, 99.0, 66.0),
        "fluid": Tissue(1.00, 4300.0, 2000.0, 500.0),
        "lesion": Tissue(0.95, 1290.0, 87.0, 66.0),
    },
}


def _decay(time: float, constant: float) -> float:
    return float(exp(-time / constant)[0])


@dataclass(frozen=True)
class SpoiledGradientEcho:
    """T1-weighted 3-D gradient echo; times in ms, flip angle in degrees."""

    tr: float
    te: float
    flip: float

    def signal(self, tissue: Tissue) -> float:
        """Steady-state signal (Haase et al., J Magn Reson 67: 258-266, 1986)."""
        sine, cosine = (float(value[0]) for value in sin_cos(self.flip * _DEGREE))
        recovery = _decay(self.tr, tissue.t1)
        steady = sine * (1.0 - recovery) / (1.0 - cosine * recovery)
        return tissue.density * steady * _decay(self.te, tissue.t2_star)


@dataclass(frozen=True)
class FluidAttenuatedInversionRecovery:
    """FLAIR; times in ms. ``te`` is the echo time of a spin echo with the same contrast (see ``msseg``)."""

    tr: float
    te: float
    ti: float

    def signal(self, tissue: Tissue) -> float:
        """Magnitude signal of inversion recovery (Hajnal et al., J Comput Assist Tomogr 16: 841-844, 1992)."""
        recovered = 1.0 - 2.0 * _decay(self.ti, tissue.t1) + _decay(self.tr, tissue.t1)
        return tissue.density * abs(recovered) * _decay(self.te, tissue.t2)


@dataclass(frozen=True)
class Scanner:
    """A scanner with its protocol.

    Attributes:
        code: the domain's name.
        field: tesla.
        sequence: signal equation with its parameters.
        matrix: voxels along R, A, S.
        voxel: mm along R, A, S.
        acquired: resolution in mm along R, A, S; coarser than ``voxel`` if the reconstruction interpolates.
        axes: directions of the file's axes, such as ``PSR``.
        noise: standard deviation in the real and in the imaginary channel, relative to white matter.
        shading: deviation of the coil's sensitivity in the brain from its mean, relative.
    """

    code: str
    field: float
    sequence: SpoiledGradientEcho | FluidAttenuatedInversionRecovery
    matrix: tuple[int, int, int]
    voxel: tuple[float, float, float]
    acquired: tuple[float, float, float]
    axes: str
    noise: float
    shading: float

    def scaled(self, scale: float) -> "Scanner":
        """The scanner with ``scale`` times larger voxels in the same field of view.

        In voxels, noise, blur and anisotropy stay the same.
        """
        i, j, k = (round(count / scale) for count in self.matrix)
        voxel, acquired = _times(self.voxel, scale), _times(self.acquired, scale)
        return replace(self, matrix=(i, j, k), voxel=voxel, acquired=acquired)

    def slab(self, height: float) -> "Scanner":
        """The scanner with a field of view of ``height`` mm along S."""
        i, j, _ = self.matrix
        return replace(self, matrix=(i, j, round(height / self.voxel[2])))

    def signals(self) -> dict[str, float]:
        """Signal of each pure tissue relative to white matter."""
        values = {name: self.sequence.signal(tissue) for name, tissue in TISSUES[self.field].items()}
        return {name: value / values["white"] for name, value in values.items()}

    def see(self, volume: Map, spacing: float) -> Array:
        """A fine volume at this scanner's resolution, in slab axes (R, A, S)."""
        # The point spread of truncated k-space is 1.21 times as wide as its resolution (Haacke et al., Magnetic
        # Resonance Imaging, ch. 13, 1999).
        return resample(volume, spacing, self.matrix, self.voxel, _times(self.acquired, 1.21))


def _times(lengths: tuple[float, float, float], scale: float) -> tuple[float, float, float]:
    x, y, z = (length * scale for length in lengths)
    return x, y, z


@dataclass(frozen=True)
class Placement:
    """Position of the slab in the scanner: rotation, and centre in RAS mm."""

    tilt: Matrix
    centre: tuple[float, float, float]

    @classmethod
    def random(cls, stream: Stream) -> "Placement":
        """Oblique by a few degrees, a centimetre off the isocentre; spreads by assumption."""
        tilt = rotation((stream.gauss(0.0, 0.03), stream.gauss(0.0, 0.03), stream.gauss(0.0, 0.03)))
        return cls(tilt, (stream.gauss(0.0, 5.0), stream.gauss(10.0, 5.0), stream.gauss(-5.0, 5.0)))


def _shade(scanner: Scanner, inside: Array, stream: Stream) -> Array:
    """The coil's sensitivity: smooth, and in the brain from 1 - ``shading`` to 1 + ``shading``.

    At 3 T the wavelength in tissue approaches the size of the head, which brightens its centre (Collins et al., J Magn
    Reson Imaging 21: 192-196, 2005). The 80 mm between nodes of the field are by assumption.
    """
    axes = [grid_positions(n, v) for n, v in zip(scanner.matrix, scanner.voxel, strict=True)]
    held = [np.minimum(np.maximum(axis, -e / 2), e / 2) for axis, e in zip(axes, EXTENT, strict=True)]
    field = SmoothField.random(stream, EXTENT, (80.0, 80.0, 80.0), 1.0, 2.5).on_grid(*held)
    if scanner.field > 2.0:
        x, y, z = (2.0 * axis / e for axis, e in zip(held, EXTENT, strict=True))
        field = field - ((x * x)[:, None, None] + (y * y)[None, :, None] + (z * z)[None, None, :])
    brain = field[inside > 0.5]
    middle, half = (brain.max() + brain.min()) / 2.0, (brain.max() - brain.min()) / 2.0
    return 1.0 + scanner.shading * np.minimum(np.maximum((field - middle) / half, -1.5), 1.5)


@dataclass(frozen=True)
class Scan:
    """A scan in slab axes (R, A, S), in the scanner's units.

    Attributes:
        noisy: the image that the scanner writes.
        clean: this image without noise.
        inside: share of each voxel that is brain.
    """

    noisy: Array
    clean: Array
    inside: Array


def scan(brain: Brain, lesion: Map | None, scanner: Scanner, stream: Stream) -> Scan:
    """Scans a brain.

    Args:
        brain: tissue shares.
        lesion: share of lesion at each point, which replaces the other tissues.
        scanner: the scanner.
        stream: random numbers for coil, gain (whose range is by assumption) and noise.
    """
    tone = scanner.signals()
    signal = brain.white * np.float32(tone["white"]) + brain.grey * np.float32(tone["grey"])
    signal += brain.fluid * np.float32(tone["fluid"])
    if lesion is not None:
        signal += lesion * (np.float32(tone["lesion"]) - signal)
    signal *= brain.variation
    inside = scanner.see(brain.inside, brain.grid.spacing)
    shaded = scanner.see(signal, brain.grid.spacing) * _shade(scanner, inside, stream)
    gain = stream.number(400.0, 600.0)
    real = shaded + scanner.noise * stream.normal(shaded.shape)
    imaginary = scanner.noise * stream.normal(shaded.shape)
    return Scan(gain * np.sqrt(real * real + imaginary * imaginary), gain * shaded, inside)


def write_scan(path: Path, volume: npt.NDArray[np.generic], scanner: Scanner, placement: Placement) -> None:
    """Writes a volume, given in slab axes, with the scanner's axes and the slab's position."""
    order = [_AXES[letter][0] for letter in scanner.axes]
    signs = [_AXES[letter][1] for letter in scanner.axes]
    turned = np.transpose(volume, order)[tuple(slice(None, None, sign) for sign in signs)]
    steps = [sign * scanner.voxel[axis] for sign, axis in zip(signs, order, strict=True)]
    affine = []
    for row, centre in zip(placement.tilt, placement.centre, strict=True):
        columns = [row[axis] * step for axis, step in zip(order, steps, strict=True)]
        corner = centre
        for column, count in zip(columns, turned.shape, strict=True):
            corner -= column * ((count - 1) / 2.0)
        affine.append([*columns, corner])
    i, j, k = (abs(step) for step in steps)
    write_nifti(path, turned, affine, (i, j, k))
