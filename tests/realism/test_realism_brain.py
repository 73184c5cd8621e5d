"""Quantities of brain images with known values."""

import numpy as np
import pytest
from scipy import ndimage

from benchmark.preparation.tissue import CSF, GM, WM
from studies.realism import brain


@pytest.fixture
def random():
    return np.random.default_rng(5)


def plane(shape, spacing, normal):
    """Signed distance (mm) from an oblique plane through the middle."""
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]
    direction = np.array(normal) / np.linalg.norm(normal)
    return sum(d * axis for d, axis in zip(direction, np.meshgrid(*axes, indexing="ij"), strict=True))


def two_tissues(blur, spacing=(1.0, 1.0, 1.0), normal=(1.0, 0.6, 0.3)):
    """White matter of 1 beside grey matter of 0.7, the edge blurred by a Gaussian of this deviation (mm)."""
    distance = plane((32, 32, 32), spacing, normal)
    from scipy.special import erf

    image = 0.85 + 0.15 * erf(distance / (blur * np.sqrt(2)))
    return image, np.where(distance > 0, WM, GM).astype(np.uint8)


def test_noise_of_known_deviation_on_a_shaded_image(random):
    shading = 1 + 0.2 * plane((40, 40, 40), (0.05, 0.05, 0.05), (1, 2, 1))
    image = shading + random.normal(0, 0.05, shading.shape)
    assert brain.noise(image, np.ones(image.shape, bool)) == pytest.approx(0.05, rel=0.05)


def test_noise_is_measured_in_the_region_only(random):
    image = random.normal(1, 0.02, (40, 40, 40))
    image[20:] += random.normal(0, 0.5, (20, 40, 40))
    region = np.zeros(image.shape, bool)
    region[:20] = True
    assert brain.noise(image, region) == pytest.approx(0.02, rel=0.06)


def test_ratios_and_contrast_of_known_tissues(random):
    labels = np.repeat([CSF, GM, WM], 8000).astype(np.uint8).reshape(3, 20, 400)
    image = np.choose(labels, [0, 80.0, 150.0, 200.0]) + random.normal(0, 10, labels.shape)
    assert brain.tissue_ratios(image, labels) == pytest.approx((0.4, 0.75), abs=0.01)
    assert brain.contrast_to_noise(image, labels) == pytest.approx(5.0, rel=0.03)


def test_tissue_shares_sum_over_the_brain():
    labels = np.repeat([0, CSF, GM, WM], [50, 10, 60, 30]).astype(np.uint8)
    assert brain.shares(labels) == pytest.approx((0.1, 0.6, 0.3))


@pytest.mark.parametrize("blur", [1.2, 2.0])
@pytest.mark.parametrize("normal", [(0, 0, 1), (1, 0.6, 0.3)])
def test_edge_of_known_blur(blur, normal):
    assert brain.edge_width(*two_tissues(blur, normal=normal), (1, 1, 1)) == pytest.approx(2.563 * blur, rel=0.08)


def test_edge_is_measured_in_millimetres_along_axes_of_different_spacing():
    spacing = (0.6, 1.0, 1.4)
    assert brain.edge_width(*two_tissues(2.0, spacing), spacing) == pytest.approx(5.13, rel=0.08)


def test_noise_does_not_sharpen_an_edge(random):
    image, labels = two_tissues(2.0)
    noisy = image + random.normal(0, 0.05, image.shape)
    assert brain.edge_width(noisy, labels, (1, 1, 1)) == pytest.approx(5.13, rel=0.12)


@pytest.mark.parametrize("exponent", [-2.0, -3.0])
def test_spectrum_of_a_known_power_law(random, exponent):
    count, spacing = 128, 2.0
    frequency = np.fft.fftfreq(count, spacing)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    radius[0, 0] = np.inf
    slices = [
        np.fft.ifft2(np.fft.fft2(random.normal(size=(count, count))) * radius ** (exponent / 2)).real for _ in range(12)
    ]
    image = np.stack(slices, axis=2)
    frequencies, power = brain.spectrum(image, np.ones(image.shape, bool), spacing)
    assert frequencies[0] == pytest.approx(1 / 64)
    assert frequencies[-1] == pytest.approx(0.25)
    assert brain.spectral_slope(frequencies, power, 0.05, 0.2) == pytest.approx(exponent, abs=0.15)


def test_spectrum_of_white_noise_is_its_variance(random):
    image = random.normal(1, 0.1, (80, 80, 24))
    _, power = brain.spectrum(image, np.ones(image.shape, bool), 1.0)
    assert power[4:].mean() == pytest.approx(0.01, rel=0.05)


def test_spectrum_takes_patches_within_the_brain_only(random):
    image = random.normal(1, 0.1, (128, 64, 7))
    mask = np.zeros(image.shape, bool)
    mask[:64] = True
    image[64:] = 1000
    assert brain.spectrum(image, mask, 1.0)[1].max() < 0.1
    with pytest.raises(ValueError, match="no patch"):
        brain.spectrum(image, ndimage.binary_erosion(mask, iterations=3), 1.0)


def test_distances_of_histograms(random):
    first = brain.histogram(random.normal(0.8, 0.1, 100_000))
    moved = brain.histogram(random.normal(0.9, 0.1, 100_000))
    far = brain.histogram(np.full(10, 5.0))
    assert brain.wasserstein(first, moved) == pytest.approx(0.1, abs=0.005)
    assert brain.jensen_shannon(first, first) == 0
    assert 0 < brain.jensen_shannon(first, moved) < brain.jensen_shannon(first, far) == pytest.approx(1)
    assert far.sum() == 1
