"""OCT devices: light in the retina, resolution, speckle, noise, and the vendor's grey scale."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmark.phantoms.exactmath import Array, exp, log
from benchmark.phantoms.fields import gaussian_kernel, grid_positions
from benchmark.phantoms.retina import LAYERS, VITREOUS, Eye
from benchmark.phantoms.streams import Stream

_OVERSAMPLING = 4  # depths computed in each pixel
# Per mm: 7 dB in 2 mm of depth, the order of a spectrometer's loss in Nassif et al., Opt Lett 29: 480-482, 2004.
_ROLL_OFF = 0.8
_CHOROID = [layer.name for layer in LAYERS].index("choroid") + 1
_LUMEN = 0.3  # reflectivity of the choroid's vessels relative to its stroma, by assumption
_REFLECTIVITY = np.array([VITREOUS.reflectivity, *(layer.reflectivity for layer in LAYERS)])
_ATTENUATION = np.array([VITREOUS.attenuation, *(layer.attenuation for layer in LAYERS)])
_LABELS = np.array([0, *(layer.label for layer in LAYERS)], dtype=np.uint8)
_TEN_OVER_LN10 = 4.342944819032518
_SQRT2 = 1.4142135623730951


@dataclass(frozen=True)
class Device:
    """An OCT device with its volume scan.

    Attributes:
        code: the domain's name.
        columns: A-scans in a B-scan, at full size.
        rows: pixels along depth.
        b_scans: B-scans in a volume.
        field: mm along x, y, z.
        axial: resolution along depth, µm in tissue, full width at half maximum of the intensity.
        lateral: the same along x.
        frames: B-scans averaged at each place.
        floor: noise floor relative to light from the top of the nerve fibre layer, dB.
        black: level shown black, dB; None if the grey scale is a fourth root.
        white: level shown white, dB.
        levels: greatest grey value.
    """

    code: str
    columns: int
    rows: int
    b_scans: int
    field: tuple[float, float, float]
    axial: float
    lateral: float
    frames: int
    floor: float
    black: float | None
    white: float
    levels: int

    def grey(self, light: Array) -> npt.NDArray[np.unsignedinteger]:
        """Grey values of light, relative to that from the top of the nerve fibre layer."""
        if self.black is None:
            shown = np.sqrt(np.sqrt(light / _from_decibels(self.white)))
        else:
            shown = (_TEN_OVER_LN10 * log(light.ravel()).reshape(light.shape) - self.black) / (self.white - self.black)
        grey = np.rint(np.minimum(np.maximum(shown, 0.0), 1.0) * self.levels)
        return grey.astype(np.uint8 if self.levels < 256 else np.uint16)


@dataclass(frozen=True)
class Sampling:
    """The voxels of a volume.

    Attributes:
        columns: A-scans in a B-scan.
        rows: pixels along depth.
        b_scans: B-scans in a volume.
        field: mm along x, y, z.
    """

    columns: int
    rows: int
    b_scans: int
    field: tuple[float, float, float]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in mm along x, y, z."""
        return self.field[0] / self.columns, self.field[1] / self.rows, self.field[2] / self.b_scans


def _from_decibels(level: float) -> float:
    return float(exp(level / _TEN_OVER_LN10)[0])


def _centres(count: int, spacing: float) -> Array:
    """Depths of samples, mm."""
    return (np.arange(count, dtype=np.float64) + 0.5) * spacing


def _smooth(image: Array, kernels: tuple[Array, Array]) -> Array:
    for axis, kernel in enumerate(kernels):
        image = ndimage.correlate1d(image, kernel, axis=axis, mode="nearest")
    return image


def _tissue(eye: Eye, x: Array, y: Array, z: float) -> npt.NDArray[np.intp]:
    """The layer at each depth and A-scan: 0 is the vitreous, k + 1 is ``LAYERS[k]``."""
    tissue = np.zeros((y.size, x.size), dtype=np.intp)
    for top in eye.boundaries(x, z):
        tissue += y[:, None] >= top[None, :]
    return tissue


def _light(eye: Eye, x: Array, y: Array, z: float, step: float) -> Array:
    """Light from each depth and A-scan: scattered there, attenuated on the way there and back."""
    tissue = _tissue(eye, x, y, z)
    scattered = _REFLECTIVITY[tissue]
    centre = y[-1] / 2.0
    texture = eye.vessels.on_grid(x, y - centre, np.array([z]))[:, :, 0].T
    lumen = np.minimum(np.maximum(0.5 + 2.0 * texture, 0.0), 1.0)
    scattered = np.where(tissue == _CHOROID, scattered * (1.0 - (1.0 - _LUMEN) * lumen), scattered)
    path = np.add.accumulate(_ATTENUATION[tissue], axis=0) * (2.0 * step) + _ROLL_OFF * (y - centre)[:, None]
    return scattered * exp(-path.ravel()).reshape(path.shape)


def _speckle(shape: tuple[int, int], frames: int, kernels: tuple[Array, Array] | None, stream: Stream) -> Array:
    """Fully developed speckle of mean 1, averaged over frames: squared magnitudes of complex Gaussian fields.

    Goodman, Speckle Phenomena in Optics, ch. 3, 2007. ``kernels`` correlate the fields over the resolution.
    """
    total = np.zeros(shape)
    for _ in range(2 * frames):  # real and imaginary parts
        part = stream.normal(shape)
        if kernels is not None:
            part = _smooth(part, kernels)
        total += part * part
    return total / (2.0 * frames)


@dataclass(frozen=True)
class BScan:
    """One B-scan, arrays of shape (rows, columns).

    Attributes:
        noisy: the image that the device writes.
        clean: this image without speckle and noise.
        labels: fluid at each pixel's centre.
    """

    noisy: npt.NDArray[np.unsignedinteger]
    clean: npt.NDArray[np.unsignedinteger]
    labels: npt.NDArray[np.uint8]


def b_scan(eye: Eye, device: Device, sampling: Sampling, z: float, strength: float, stream: Stream) -> BScan:
    """One section of an eye. In pixels, blur and speckle have the same size at every sampling.

    Args:
        eye: the eye.
        device: the device.
        sampling: the voxels.
        z: the section's position, mm.
        strength: signal of this examination relative to an average one.
        stream: random numbers for speckle and noise.
    """
    full = Sampling(device.columns, device.rows, device.b_scans, device.field).spacing
    axial, lateral = 0.001 * device.axial / full[1], 0.001 * device.lateral / full[0]  # pixels
    x = grid_positions(sampling.columns, sampling.spacing[0])
    step = sampling.spacing[1] / _OVERSAMPLING
    y = _centres(sampling.rows * _OVERSAMPLING, step)
    light = _light(eye, x, y, z, step)
    light = _smooth(light, (gaussian_kernel(axial * _OVERSAMPLING), gaussian_kernel(lateral)))
    pixels = light.reshape(sampling.rows, _OVERSAMPLING, sampling.columns)
    mean = strength * (pixels[:, 0] + pixels[:, 1] + pixels[:, 2] + pixels[:, 3]) / _OVERSAMPLING
    floor = _from_decibels(device.floor)
    # The field's point spread is √2 times as wide as that of its intensity.
    kernels = (gaussian_kernel(axial * _SQRT2, power=True), gaussian_kernel(lateral * _SQRT2, power=True))
    speckle = _speckle(mean.shape, device.frames, kernels, stream)
    noise = _speckle(mean.shape, device.frames, None, stream)
    labels = _LABELS[_tissue(eye, x, _centres(sampling.rows, sampling.spacing[1]), z)]
    return BScan(device.grey(mean * speckle + floor * noise), device.grey(mean + floor), labels)
