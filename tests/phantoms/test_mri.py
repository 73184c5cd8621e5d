"""MRI scanners: signal equations, noise, coil, position."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from benchmark.phantoms import ixi, mri, msseg
from benchmark.phantoms.anatomy import Brain, Grid
from benchmark.phantoms.mri import Placement
from benchmark.phantoms.streams import Stream

SCANNERS = [ixi.SOURCE, ixi.TARGET, msseg.SA, msseg.SV, msseg.PI]


def ball(spacing=3.0):
    """White matter in a ball of 70 mm."""
    shape = tuple(round(extent / spacing) for extent in mri.EXTENT)
    x, y, z = (np.arange(n) - (n - 1) / 2 for n in shape)
    inside = ((x[:, None, None] ** 2 + y[:, None] ** 2 + z**2) * spacing**2 < 70**2).astype(np.float32)
    nothing = np.zeros_like(inside)
    return Brain(Grid(spacing), inside, inside, nothing, nothing, np.ones_like(inside))


def test_gradient_echo_signal():
    tissue = mri.TISSUES[3.0]["white"]
    e1 = np.exp(-9.6 / 838)
    expected = 0.77 * np.sin(np.deg2rad(8)) * (1 - e1) / (1 - np.cos(np.deg2rad(8)) * e1) * np.exp(-4.6 / 53.2)
    assert mri.SpoiledGradientEcho(9.6, 4.6, 8.0).signal(tissue) == pytest.approx(expected, rel=1e-13)


def test_inversion_recovery_signal():
    tissue = mri.TISSUES[1.5]["grey"]
    expected = 0.86 * abs(1 - 2 * np.exp(-1800 / 1197) + np.exp(-5000 / 1197)) * np.exp(-100 / 95)
    sequence = mri.FluidAttenuatedInversionRecovery(5000.0, 100.0, 1800.0)
    assert sequence.signal(tissue) == pytest.approx(expected, rel=1e-13)


def test_t1_weighted_contrast():
    """Fluid darkest, white matter brightest, and less contrast at 3 T: T1 grows and converges with the field."""
    source, target = ixi.SOURCE.signals(), ixi.TARGET.signals()
    for tone in (source, target):
        assert tone["fluid"] < tone["grey"] < tone["white"] == 1.0
    assert source["fluid"] < 0.7 * target["fluid"]


@pytest.mark.parametrize("scanner", [msseg.SA, msseg.SV, msseg.PI], ids=lambda s: s.code)
def test_flair_contrast(scanner):
    tone = scanner.signals()
    assert tone["fluid"] < 0.5
    assert 1.0 < tone["grey"] < 1.3
    assert tone["grey"] + 0.2 < tone["lesion"] < 2.0


def test_scaling_keeps_the_field_of_view():
    small = ixi.TARGET.scaled(2.4)
    for n, v, full_n, full_v in zip(small.matrix, small.voxel, ixi.TARGET.matrix, ixi.TARGET.voxel, strict=True):
        assert n * v == pytest.approx(full_n * full_v, abs=v)
    assert small.acquired[1] / small.voxel[1] == pytest.approx(ixi.TARGET.acquired[1] / ixi.TARGET.voxel[1])


@pytest.mark.parametrize("scanner", [ixi.SOURCE, ixi.TARGET], ids=lambda s: s.code)
def test_noise_is_rician_and_shading_within_its_range(scanner):
    scanner = scanner.scaled(4.8)
    image = mri.scan(ball(), None, scanner, Stream("test"))
    deep = image.inside > 0.999
    gain = image.clean[deep].mean()
    spread = (image.clean[deep].max() - image.clean[deep].min()) / gain
    assert 1.2 * scanner.shading < spread < 2.2 * scanner.shading
    noise = (image.noisy - image.clean)[deep] / gain
    assert noise.std() == pytest.approx(scanner.noise, rel=0.1)
    background = image.noisy[image.inside == 0.0] / gain
    assert background.mean() == pytest.approx(scanner.noise * np.sqrt(np.pi / 2), rel=0.1), "Rayleigh"
    assert image.clean[image.inside == 0.0].max() == 0.0


def test_a_lesion_takes_the_place_of_tissue():
    scanner = replace(msseg.SA.scaled(4.8), noise=0.0, shading=1e-9)
    brain = ball()
    lesion = np.zeros_like(brain.white)
    lesion[: lesion.shape[0] // 2] = 1.0
    lesion *= brain.white
    image = mri.scan(brain, lesion, scanner, Stream("test")).clean
    i, j, k = (n // 2 for n in image.shape)
    assert image[i - 5, j, k] / image[i + 5, j, k] == pytest.approx(scanner.signals()["lesion"], rel=1e-3)


def test_experts_outline_a_lesion_at_half_its_brightness():
    """Large ones at half a voxel of lesion, small ones, which partial volume dims, lower; the faintest not at all."""
    lesion = np.zeros((40, 5, 5))
    lesion[5:12, 2, 2] = [0.1, 0.4, 0.9, 1.0, 0.9, 0.6, 0.2]
    lesion[20:25, 2, 2] = [0.16, 0.3, 0.4, 0.25, 0.15]
    lesion[32:35, 2, 2] = [0.2, 0.28, 0.2]
    outlined = msseg._outlined(lesion)
    assert np.flatnonzero(outlined[:, 2, 2]).tolist() == [7, 8, 9, 10, 21, 22, 23]
    assert outlined.sum() == 7
    assert not msseg._outlined(np.zeros((4, 4, 4))).any()


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda s: s.code)
def test_voxels_lie_where_the_header_says(tmp_path, scanner):
    """A bright voxel 20 mm right, 31 mm in front and 42 mm above the slab's centre is there in the file."""
    scanner = scanner.scaled(2.4)
    placement = Placement.random(Stream("test", scanner.code))
    volume = np.zeros(scanner.matrix, dtype=np.int16)
    wanted = (20.0, 31.0, 42.0)
    index = tuple(round(w / v + (n - 1) / 2) for w, v, n in zip(wanted, scanner.voxel, scanner.matrix, strict=True))
    volume[index] = 1
    mri.write_scan(tmp_path / "scan.nii.gz", volume, scanner, placement)
    image = nib.load(tmp_path / "scan.nii.gz")
    assert "".join(nib.aff2axcodes(image.affine)) == scanner.axes
    np.testing.assert_allclose(
        nib.affines.voxel_sizes(image.affine), [scanner.voxel["RAS".index(c)] for c in ras(scanner.axes)], rtol=1e-5
    )
    found = image.affine @ [*np.argwhere(np.asarray(image.dataobj))[0], 1.0]
    offset = [(i - (n - 1) / 2) * v for i, n, v in zip(index, scanner.matrix, scanner.voxel, strict=True)]
    np.testing.assert_allclose(found[:3], np.array(placement.tilt) @ offset + placement.centre, atol=1e-3)


def ras(axes: str) -> str:
    return axes.translate(str.maketrans("LPI", "RAS"))
