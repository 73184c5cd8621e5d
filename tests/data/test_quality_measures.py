"""What is measured of a scan tells faults from clean scans, and what it cannot measure it leaves out."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from archives import brain, retina, verified
from scipy import ndimage
from small_datasets import MRI, inventoried, write_config

from benchmark.archives.formats.volumes import Volume
from benchmark.preparation.oct import segment_retina
from benchmark.preparation.prepare import prepare_subject
from benchmark.preparation.quality import filled, oct_quality, ripple, scan_quality, spectrum
from benchmark.runtime import paths

SPACING = 2.5


def volume(data) -> Volume:
    return Volume(np.asarray(data), np.eye(4), Path("scan.nii.gz"))


@pytest.fixture(scope="module")
def scan() -> tuple[np.ndarray, np.ndarray]:
    """The template's brain with noise, and its mask."""
    data, _ = brain(SPACING)
    inside = ndimage.binary_fill_holes(data > 20)
    return np.abs(data + np.random.default_rng(0).normal(0, 4, data.shape)), inside


def truncated(data: np.ndarray, axis: int, share: float) -> np.ndarray:
    """K-space cut off at a share of its frequencies, and filled with zeros."""
    frequencies = np.abs(np.fft.fftfreq(data.shape[axis])) / 0.5
    kept = (frequencies <= share).reshape([-1 if a == axis else 1 for a in range(3)])
    return np.abs(np.fft.ifft(np.fft.fft(data, axis=axis) * kept, axis=axis))


def moved(data: np.ndarray, axis: int, shift: float, cycles: int) -> np.ndarray:
    """A patient who nods to and fro by so many voxels while k-space is sampled line after line."""
    n = data.shape[axis]
    frequencies = np.fft.fftfreq(n)
    place = np.empty(n)
    place[np.argsort(frequencies)] = shift * np.sin(2 * np.pi * cycles * np.arange(n) / n)
    phase = np.exp(-2j * np.pi * frequencies * place).reshape([-1 if a == axis else 1 for a in range(3)])
    return np.abs(np.fft.ifft(np.fft.fft(data, axis=axis) * phase, axis=axis))


def waved(data: np.ndarray, axis: int, amplitude: float, period: float) -> np.ndarray:
    wave = 1 + amplitude * np.cos(2 * np.pi * np.arange(data.shape[axis]) / period)
    return data * wave.reshape([-1 if a == axis else 1 for a in range(3)])


def measured(data: np.ndarray, inside: np.ndarray) -> dict[str, float]:
    return scan_quality(volume(data), volume(inside.astype(np.uint8)))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_k_space_that_is_cut_off_is_found_with_its_edge(scan, axis):
    data, inside = scan
    assert measured(data, inside)["k_space"] == 1.0
    for share in (0.85, 0.7, 0.5):
        assert measured(truncated(data, axis, share), inside)["k_space"] == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_ripples_and_motion_stand_out_of_clean_scans(scan, axis):
    data, inside = scan
    clean = measured(data, inside)["ripple"]
    assert clean < 0.8
    for bad in (waved(data, axis, 0.06, 5.0), moved(data, axis, 1.0, 9)):
        found = measured(bad, inside)
        assert found["ripple"] > clean + 0.7
        assert found["k_space"] == 1.0


def test_a_cut_off_is_no_ripple_and_noise_is_neither(scan):
    data, inside = scan
    noisy = np.abs(data + np.random.default_rng(1).normal(0, 12, data.shape))
    for other in (truncated(data, 1, 0.7), noisy):
        assert measured(other, inside)["ripple"] < 0.8
    assert measured(noisy, inside)["k_space"] == 1.0


def test_noise_is_its_standard_deviation_by_the_median():
    data = np.full((30, 30, 30), 100.0)
    data += np.random.default_rng(0).normal(0, 5, data.shape)
    assert measured(data, np.ones(data.shape, bool))["noise"] == pytest.approx(0.05, rel=0.05)


def test_brightness_is_in_the_units_of_the_file(scan):
    data, inside = scan
    once, twice = measured(data, inside), measured(10 * data, inside)
    assert twice.pop("brightness") == pytest.approx(10 * once.pop("brightness"))
    assert twice == pytest.approx(once)


def test_what_cannot_be_measured_is_left_out():
    small = np.random.default_rng(0).uniform(1, 2, (8, 8, 8))
    assert set(measured(small, np.ones(small.shape, bool))) == {"brightness", "noise"}
    assert measured(small, np.zeros(small.shape, bool)) == {}
    assert set(measured(-small, np.ones(small.shape, bool))) == {"brightness"}
    assert spectrum(np.ones((20, 20, 20)), np.ones((20, 20, 20), bool), 0) is None


def test_a_spectrum_with_one_peak_and_one_with_an_edge():
    smooth = -np.linspace(0, 3, 60)
    peak, edge = smooth.copy(), smooth.copy()
    peak[30] += 0.5
    edge[45:] -= 2
    assert ripple(smooth) == pytest.approx(0, abs=0.3)
    assert ripple(peak) == pytest.approx(5, abs=0.6)  # of five neighbours on a slope, the peak pulls the median
    assert (filled(smooth), filled(peak)) == (1.0, 1.0)
    assert filled(edge) == pytest.approx(45 / 60, abs=0.02)


def eye(**changes) -> dict[str, float]:
    grey = retina((24, 40, 6)).astype(np.float32)
    for k in changes.get("dark", ()):
        grey[:, :, k] *= 0.6
    image = volume(grey / 127.5 - 1)
    mask = np.asarray(segment_retina(image).data).copy()
    for k in changes.get("blank", ()):
        mask[:, :, k] = 0
    return oct_quality(image, volume(mask))


def test_oct_volumes():
    found = eye()
    assert found["empty"] == 0
    assert found["weakest"] > 0.9
    assert found["contrast"] > 5
    assert found["retina"] == pytest.approx(0.25, abs=0.08)
    assert 0.7 < found["brightness"] < 1
    assert eye(dark=[2])["weakest"] < 0.7
    assert eye(blank=[0, 3])["empty"] == pytest.approx(1 / 3)


def test_a_volume_that_is_retina_throughout_has_no_contrast():
    image = volume(np.random.default_rng(0).uniform(0, 1, (8, 8, 3)).astype(np.float32))
    assert "contrast" not in oct_quality(image, volume(np.ones((8, 8, 3), np.uint8)))


@pytest.fixture(scope="module")
def prepared_heads(tmp_path_factory) -> Path:
    """A project with four heads, one of which is prepared."""
    project = tmp_path_factory.mktemp("heads")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        root = write_config("heads", "ixi", preparation={**MRI, "working_spacing": 5})
        (root / "IXI-T1").mkdir(parents=True)
        data, affine = brain(SPACING)
        for number, name in enumerate(("IXI101-IOP-0001", "IXI102-IOP-0001", "IXI201-HH-0001", "IXI202-HH-0001")):
            noisy = np.abs(data * 4 + np.random.default_rng(number).normal(0, 10, data.shape)) + 1
            nib.save(nib.Nifti1Image(noisy.astype(np.float32), affine), root / "IXI-T1" / f"{name}-T1.nii.gz")
        inventoried("heads")
        prepare_subject("heads", "IXI201")
    return project


@pytest.fixture
def heads(prepared_heads, project) -> Path:
    """Where the archive is, in a copy of that project."""
    shutil.copytree(prepared_heads, project, dirs_exist_ok=True)
    return paths.raw("heads")


def quality(subject: str) -> dict[str, float]:
    return json.loads((paths.subject("heads", subject) / "subject.json").read_text())["quality"]


def test_preparation_writes_measures_of_the_scan_on_its_own_grid(heads):
    clean = quality("IXI201")
    assert set(clean) == {
        "ripple", "k_space", "noise", "brightness", "contrast", "highlights",
        "brain", "overlap", "mismatch", "growth", "beside", "kept",
    }  # fmt: skip
    assert clean["k_space"] == 1.0
    assert clean["overlap"] > 0.93
    assert clean["growth"] == pytest.approx(1, abs=0.1)
    assert 1500 < clean["brain"] < 2200
    path = heads / "IXI-T1/IXI201-HH-0001-T1.nii.gz"
    image = nib.load(path)
    cut = truncated(np.asarray(image.dataobj, np.float64), 1, 0.8)  # lost at the 5 mm that all is prepared at
    nib.save(nib.Nifti1Image(cut.astype(np.float32), image.affine), path)
    verified("heads")
    prepare_subject("heads", "IXI201")
    assert quality("IXI201")["k_space"] == pytest.approx(0.8, abs=0.06)


def test_a_head_that_lies_the_wrong_way_up_overlaps_less(heads):
    """The header says up is front, and the registration cannot turn it by a right angle."""
    clean = quality("IXI201")
    path = heads / "IXI-T1/IXI201-HH-0001-T1.nii.gz"
    image = nib.load(path)
    turned = np.eye(4)[[0, 2, 1, 3]] * [1, 1, -1, 1]
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), turned @ image.affine), path)
    verified("heads")
    prepare_subject("heads", "IXI201")
    assert quality("IXI201")["overlap"] < clean["overlap"] - 0.05
    assert quality("IXI201")["mismatch"] > clean["mismatch"] + 0.1
