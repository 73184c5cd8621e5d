"""Smooth random fields, and separable filters that blur and resample volumes."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.phantoms.exactmath import Array, exp
from benchmark.phantoms.streams import Stream

Floats = npt.NDArray[np.floating]

_FWHM_TO_SIGMA = 0.42466090014400953  # 1 / (2 sqrt(2 ln 2))


def weighted_take(volume: Floats, indices: npt.NDArray[np.intp], weights: Array, axis: int) -> Array:
    """Weighted sums of neighbours along one axis: result[j] = Σ_t weights[t, j] · volume[indices[t, j]].

    Args:
        volume: any shape.
        indices: shape (taps, outputs), within the axis.
        weights: the same shape.
        axis: gets the length ``outputs``.
    """
    shape = [1] * volume.ndim
    shape[axis] = -1
    result: Array | None = None
    for index, weight in zip(indices, weights, strict=True):
        term = np.take(volume, index, axis=axis) * weight.reshape(shape)
        result = term if result is None else np.add(result, term, out=result)
    assert result is not None
    return result


@dataclass(frozen=True)
class SmoothField:
    """A uniform cubic B-spline with random coefficients.

    Attributes:
        lattice: coefficients on a grid centred on the origin; its axes are the spline's.
        spacing: mm between coefficients, for each axis.
    """

    lattice: Array
    spacing: tuple[float, ...]

    @classmethod
    def random(
        cls, stream: Stream, extent: tuple[float, ...], spacing: tuple[float, ...], amplitude: float, limit: float
    ) -> "SmoothField":
        """A field with normal coefficients of standard deviation ``amplitude``, clipped at ±``limit``.

        Args:
            stream: random numbers.
            extent: mm, for each axis, of the box about the origin on which the field is defined.
            spacing: mm between coefficients, for each axis.
            amplitude: standard deviation of the coefficients.
            limit: greatest absolute value.
        """
        shape = tuple(2 * math.ceil(e / s / 2.0) + 4 for e, s in zip(extent, spacing, strict=True))
        coefficients = amplitude * stream.normal(shape)
        return cls(np.minimum(np.maximum(coefficients, -limit), limit), spacing)

    def on_grid(self, *axes: Array) -> Array:
        """Values on the grid spanned by one array of positions (mm) for each axis."""
        values: Array = self.lattice
        for axis in reversed(range(len(axes))):  # so that the largest sums run along the fastest axis
            count = self.lattice.shape[axis]
            place = axes[axis] / self.spacing[axis] + (count - 1) / 2.0
            cell = np.minimum(np.maximum(np.floor(place), 1.0), count - 3.0)
            t = place - cell
            s = 1.0 - t
            weights = [
                s * s * s / 6.0,
                (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0,
                (4.0 - 6.0 * s * s + 3.0 * s * s * s) / 6.0,
                t * t * t / 6.0,
            ]
            first = cell.astype(np.intp) - 1
            values = weighted_take(values, np.stack([first + k for k in range(4)]), np.stack(weights), axis)
        return values


def gaussian_kernel(fwhm: float, *, power: bool = False) -> Array:
    """Weights of a sampled Gaussian out to three standard deviations.

    Args:
        fwhm: full width at half maximum, in samples.
        power: normalize the sum of squares instead of the sum.
    """
    sigma = max(fwhm, 1e-3) * _FWHM_TO_SIGMA
    reach = max(1, math.ceil(3.0 * sigma))
    offsets = np.arange(-reach, reach + 1).astype(np.float64)
    weights = exp(-0.5 * (offsets / sigma) * (offsets / sigma))
    if power:
        return weights / math.sqrt(math.fsum(w * w for w in weights.tolist()))
    return weights / math.fsum(weights.tolist())


def grid_positions(count: int, spacing: float) -> Array:
    """Positions of ``count`` samples, ``spacing`` mm apart, centred on the origin."""
    return (np.arange(count, dtype=np.float64) - (count - 1) / 2.0) * spacing


def resample(
    volume: Floats,
    spacing: float,
    shape: tuple[int, int, int],
    voxel: tuple[float, float, float],
    fwhm: tuple[float, float, float],
) -> Array:
    """Blurs a fine volume with a Gaussian point spread and samples it at a scanner's voxel centres.

    Both grids are centred on the origin; outside the fine one, values are zero.

    Args:
        volume: fine, isotropic samples.
        spacing: of these samples, mm.
        shape: voxels of the result.
        voxel: voxel size of the result, mm.
        fwhm: width of the point spread, mm.
    """
    values = volume
    by_reduction = sorted(range(3), key=lambda axis: shape[axis] / volume.shape[axis])
    for axis in by_reduction:
        count = volume.shape[axis]
        sigma = fwhm[axis] * _FWHM_TO_SIGMA / spacing
        place = grid_positions(shape[axis], voxel[axis]) / spacing + (count - 1) / 2.0
        reach = math.ceil(3.0 * sigma)
        indices = np.rint(place).astype(np.intp)[None] + np.arange(-reach, reach + 1)[:, None]
        distance = (indices - place[None]) / sigma
        weights = exp((-0.5 * distance * distance).ravel()).reshape(distance.shape)
        weights = weights / np.add.accumulate(weights, axis=0)[-1]
        weights = np.where((indices >= 0) & (indices < count), weights, 0.0)
        values = weighted_take(values, np.minimum(np.maximum(indices, 0), count - 1), weights, axis)
    return values.astype(np.float64, copy=False)
