"""Quantities of OCT images with known values."""

import numpy as np
import pytest
from scipy.special import erf

from benchmark.phantoms.retouch import CIRRUS, SPECTRALIS
from studies.realism import retina


@pytest.fixture
def random():
    return np.random.default_rng(6)


@pytest.mark.parametrize("device", [CIRRUS, SPECTRALIS], ids=lambda device: device.code)
def test_linear_light_undoes_the_grey_scale(device):
    light = np.geomspace(0.002, 1.5, 50).reshape(5, 10)
    back = retina.linear_light(device.grey(light), device.levels, device.black, device.white)
    assert back == pytest.approx(light, rel=0.02)


@pytest.mark.parametrize("frames", [1, 5])
def test_contrast_of_speckle_averaged_over_frames(random, frames):
    light = random.exponential(1.0, (frames, 200, 400)).mean(axis=0)
    light *= np.exp(-np.arange(200) / 60)[:, None]  # attenuation is no speckle
    region = np.zeros(light.shape, bool)
    region[20:180] = True
    light[~region] = 1e4
    assert retina.speckle_contrast(light, region, (8.0, 16.0)) == pytest.approx(1 / np.sqrt(frames), rel=0.03)


def test_sections_of_a_volume_do_not_mix(random):
    light = random.exponential(1.0, (100, 100, 2)) * [1.0, 50.0]
    assert retina.speckle_contrast(light, np.ones(light.shape, bool), (8.0, 16.0)) == pytest.approx(1, rel=0.04)


def test_decibels():
    assert retina.decibels(0.5, 50.0) == pytest.approx(-20)


def test_rise_of_a_blurred_edge_in_millimetres():
    depth = np.arange(60) * 0.5
    profile = 3 + 7 * erf((depth - 14.7) / (2.0 * np.sqrt(2)))
    assert retina.rise_width(profile, 0.5) == pytest.approx(2.563 * 2.0, rel=0.01)


def test_a_sloping_surface_is_aligned_finer_than_pixels():
    surface = 30 + np.linspace(0, 7.3, 500)
    light = (0.5 + 0.5 * erf((np.arange(80)[:, None] - surface) / (2.0 * np.sqrt(2)))).astype(float)
    profile = retina.aligned_profile(light, surface, 10, 4)
    assert profile.shape == (80,)
    assert retina.rise_width(profile, 0.25) == pytest.approx(2.563 * 2.0, rel=0.03)


def test_volume():
    mask = np.zeros((4, 4, 4), bool)
    mask[1:3, 1:3, 1:4] = True
    assert retina.volume(mask, (0.1, 0.2, 0.5)) == pytest.approx(0.12)
