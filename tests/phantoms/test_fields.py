"""Smooth fields, kernels and resampling against closed forms and SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from benchmark.phantoms.fields import SmoothField, gaussian_kernel, grid_positions, resample
from benchmark.phantoms.streams import Stream


def test_a_spline_is_scipys_spline():
    field = SmoothField.random(Stream("test"), (40.0, 30.0), (10.0, 5.0), 1.0, 3.0)
    x, y = np.linspace(-20, 20, 17), np.linspace(-15, 15, 23)
    nodes = [p / s + (n - 1) / 2 for p, s, n in zip((x, y), field.spacing, field.lattice.shape, strict=True)]
    expected = ndimage.map_coordinates(field.lattice, np.meshgrid(*nodes, indexing="ij"), order=3, prefilter=False)
    np.testing.assert_allclose(field.on_grid(x, y), expected, atol=1e-12)


def test_coefficients_are_cut_off():
    lattice = SmoothField.random(Stream("test"), (400.0,), (1.0,), 2.0, 2.5).lattice
    assert np.abs(lattice).max() == 2.5
    assert lattice.std() == pytest.approx(1.6, abs=0.15)


def test_a_kernel_is_a_gaussian():
    kernel = gaussian_kernel(8.0)
    assert kernel.sum() == pytest.approx(1.0)
    middle = kernel.size // 2
    assert kernel[middle + 4] / kernel[middle] == pytest.approx(0.5)
    assert (gaussian_kernel(3.0, power=True) ** 2).sum() == pytest.approx(1.0)


def test_resampling_keeps_places():
    """A linear ramp in mm stays the same ramp on any grid: nothing is shifted or turned."""
    spacing = 1.3
    axes = [grid_positions(n, spacing) for n in (60, 50, 70)]
    ramp = (axes[0][:, None, None] + 2 * axes[1][None, :, None] - 3 * axes[2]).astype(np.float32)
    shape, voxel = (11, 15, 20), (3.0, 2.0, 2.5)
    seen = resample(ramp, spacing, shape, voxel, (4.0, 4.0, 4.0))
    x, y, z = (grid_positions(n, v) for n, v in zip(shape, voxel, strict=True))
    np.testing.assert_allclose(seen, x[:, None, None] + 2 * y[None, :, None] - 3 * z, atol=0.06)


def test_resampling_has_the_point_spread_that_is_asked_for():
    point = np.zeros((41, 41, 41), dtype=np.float32)
    point[20, 20, 20] = 1.0
    seen = resample(point, 1.0, (41, 41, 41), (1.0, 1.0, 1.0), (4.0, 6.0, 8.0))
    for axis, width in enumerate((4, 6, 8)):
        profile = np.moveaxis(seen, axis, 0)[:, 20, 20]
        assert profile[20 + width // 2] / profile[20] == pytest.approx(0.5, rel=1e-6)
    assert seen.sum() == pytest.approx(1.0, abs=1e-3)


def test_there_is_nothing_outside():
    seen = resample(np.ones((10, 10, 10), dtype=np.float32), 1.0, (30, 10, 10), (1.0, 1.0, 1.0), (2.0, 2.0, 2.0))
    assert seen[15, 5, 5] == pytest.approx(1.0)
    assert seen[0].max() == 0.0
