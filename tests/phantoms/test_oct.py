"""Eyes and OCT devices: thicknesses, order of layers and fluids, speckle, grey scales."""

from dataclasses import replace

import numpy as np
import pytest

from benchmark.phantoms import oct, retina, retouch
from benchmark.phantoms.fields import grid_positions
from benchmark.phantoms.retina import LAYERS, Eye
from benchmark.phantoms.streams import Stream

FIELD = (4.0, 0.96, 4.0)
NAMES = [layer.name for layer in LAYERS]


@pytest.fixture
def eye():
    return Eye.random(Stream("test", "eye"), FIELD)


@pytest.mark.parametrize("layer", [layer for layer in LAYERS if layer.thickness], ids=lambda layer: layer.name)
def test_mean_thicknesses_are_those_of_the_table(layer):
    """Of the disc within 0.5 mm of the fovea, and of the rings to 1.5 and 3 mm."""
    x = np.linspace(-3, 3, 601)
    distance = np.sqrt(x[:, None] ** 2 + x**2)
    thickness = 1000 * retina._ring_profile(layer, distance.ravel()).reshape(distance.shape)
    for (least, most), wanted in zip(((0, 0.5), (0.5, 1.5), (1.5, 3)), layer.thickness, strict=True):
        ring = (distance >= least) & (distance < most)
        assert thickness[ring].mean() == pytest.approx(wanted, abs=max(3.0, 0.1 * wanted))


def test_there_is_a_foveal_pit():
    """Without fluid, the inner layers are thinnest at the fovea."""
    eye = Eye.random(Stream("test", "pit"), FIELD)
    dry = replace(eye, pools=dict.fromkeys(eye.pools, ()))
    x = np.linspace(-1.5, 1.5, 301)
    tops = dry.boundaries(x, dry.fovea[1])
    inner = tops[NAMES.index("OPL")] - tops[0]
    assert abs(x[np.argmin(inner)] - dry.fovea[0]) < 0.15
    assert inner.min() < 0.4 * inner.max()


def test_layers_never_cross(eye):
    x = grid_positions(80, 0.05)
    for z in grid_positions(27, 4.0 / 27).tolist():
        assert np.diff(eye.boundaries(x, z), axis=0).min() >= 0.0


def test_at_least_seven_retinal_layers():
    retinal = [layer for layer in LAYERS[retina.RETINA] if layer.thickness]
    assert len({layer.name for layer in retinal}) >= 7


def test_fluids_lie_where_they_belong():
    """IRF within the nuclear layers, SRF between photoreceptors and pigment epithelium, PED below that."""
    order = [NAMES.index(name) for name in ("INL", "IRF in INL", "OPL", "ONL", "IRF in ONL", "EZ", "SRF", "RPE", "PED")]
    assert order == sorted(order)
    assert NAMES.index("PED") < NAMES.index("choroid")


def test_fluid_lifts_the_retina(eye):
    x = grid_positions(161, 0.025)
    dry = replace(eye, pools={**eye.pools, "PED": ()})
    wet_tops, dry_tops = eye.boundaries(x, 0.0), dry.boundaries(x, 0.0)
    height = eye.thicknesses(x, 0.0)[NAMES.index("PED")]
    np.testing.assert_allclose(dry_tops[0] - wet_tops[0], height, atol=1e-12)
    np.testing.assert_array_equal(wet_tops[NAMES.index("PED") + 1], dry_tops[NAMES.index("PED") + 1])


@pytest.mark.parametrize("frames", [1, 5])
def test_speckle_contrast_falls_with_the_number_of_frames(frames):
    """Fully developed speckle: mean 1, standard deviation 1 / √N."""
    speckle = oct._speckle((300, 300), frames, None, Stream("test"))
    assert speckle.mean() == pytest.approx(1.0, abs=0.01)
    assert speckle.std() == pytest.approx(1 / np.sqrt(frames), rel=0.02)


def test_speckle_is_as_large_as_the_resolution():
    kernels = (oct.gaussian_kernel(3 * np.sqrt(2), power=True), oct.gaussian_kernel(0.1, power=True))
    speckle = oct._speckle((400, 400), 1, kernels, Stream("test"))
    assert speckle.mean() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(speckle[2:].ravel(), speckle[:-2].ravel())[0, 1] > 0.4
    assert abs(np.corrcoef(speckle[:, 1:].ravel(), speckle[:, :-1].ravel())[0, 1]) < 0.05


def test_grey_scales():
    """Cirrus: decibels. Spectralis: the fourth root."""
    light = np.array([[10 ** (-32 / 10), 10 ** (-13 / 10), 10 ** (6 / 10), 100.0]])
    assert retouch.CIRRUS.grey(light).tolist() == [[0, 128, 255, 255]]
    white = 10 ** (2 / 10)
    grey = retouch.SPECTRALIS.grey(np.array([[0.0, white / 16, white, 10 * white]]))
    assert grey.tolist() == [[0, 32768, 65535, 65535]]
    assert grey.dtype == np.uint16


def test_light_weakens_with_depth(eye):
    """The choroid, which scatters evenly but for its vessels, darkens downwards."""
    x, step = grid_positions(40, 0.1), 0.96 / 256
    y = oct._centres(256, step)
    dry = replace(eye, pools=dict.fromkeys(eye.pools, ()))
    light, tissue = oct._light(dry, x, y, 0.0, step), oct._tissue(dry, x, y, 0.0)
    rows = [light[k][tissue[k] == oct._CHOROID].mean() for k in (200, 220, 240)]
    assert rows[0] > 1.3 * rows[1] > 1.3 * rows[2]


def test_a_b_scan(eye):
    sampling = retouch.SIZES["small"][1]
    scan = oct.b_scan(eye, retouch.SPECTRALIS, sampling, 0.0, 1.0, Stream("test"))
    assert scan.noisy.shape == scan.clean.shape == scan.labels.shape == (64, 80)
    lower, upper = scan.clean[-4:].mean(), scan.clean.max()
    assert upper > 3 * lower
    # labels are the layers at pixel centres
    tops = eye.boundaries(grid_positions(80, 0.05), 0.0)
    depth = (np.arange(64) + 0.5) * 0.015
    ped = (depth[:, None] >= tops[NAMES.index("PED")]) & (depth[:, None] < tops[NAMES.index("PED") + 1])
    np.testing.assert_array_equal(scan.labels == retina.PED, ped)
    # averaged speckle leaves the noisy image close to the clean one
    assert np.corrcoef(scan.noisy.ravel().astype(float), scan.clean.ravel().astype(float))[0, 1] > 0.9
