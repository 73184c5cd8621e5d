"""Subjects of the study: positions of masks, effects of resampling, sources."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.archives.formats.nifti import read_volume
from benchmark.archives.subject import Subject
from benchmark.phantoms import anatomy, mri
from benchmark.phantoms.generate import load_kind
from benchmark.phantoms.ixi import TARGET
from benchmark.phantoms.streams import Stream
from benchmark.preparation.geometry import Grid, resample_image, resample_mask
from benchmark.preparation.tissue import CSF, GM, WM
from benchmark.runtime.errors import DataError
from studies.realism import brain, subjects

NAME = "IXI801-HH-8001-T1"
COARSE = 3.0


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """The scan of a full phantom at low resolution, with its mask."""
    person = anatomy.Person.random(Stream("ixi", "full", NAME, "person"))
    placement = mri.Placement.random(Stream("ixi", "full", NAME, "placement"))
    scanner = TARGET.scaled(COARSE)
    image = mri.scan(anatomy.build(person, anatomy.Grid(COARSE)), None, scanner, Stream("test", "realism"))
    path = tmp_path_factory.mktemp("scan") / "T1.nii.gz"
    mri.write_scan(path, image.noisy.astype(np.int16), scanner, placement)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subjects, "_ANATOMY", COARSE)
        return read_volume(path), subjects.phantom_brain(NAME)


def test_the_anatomical_mask_lies_where_the_scan_shows_a_brain(scan):
    image, mask = scan
    inside = np.asarray(resample_mask(mask, Grid.of(image), np.eye(4)).data) > 0
    bright = np.asarray(image.data) > 0.6 * np.percentile(image.data, 99)
    assert 2 * (inside & bright).sum() / (inside.sum() + bright.sum()) > 0.93


def test_a_prepared_brain_has_white_matter_of_one_and_three_tissues(scan):
    found = subjects.prepared(*scan, spacing=4.0)
    assert found.image.shape == found.labels.shape == found.mask.shape
    assert np.median(found.image[found.labels == WM]) == pytest.approx(1)
    assert set(np.unique(found.labels[found.mask])) == {CSF, GM, WM}
    assert np.median(found.image[found.labels == CSF]) < np.median(found.image[found.labels == GM]) < 1


def test_interpolation_without_blur_keeps_noise(scan):
    image, _ = scan
    random = np.random.default_rng(0)
    even = replace(image, data=np.where(np.asarray(image.data) > 0, 500 + random.normal(0, 50, image.data.shape), 0))
    grid = Grid.of(image).with_spacing(7.0)
    blurred, sampled = resample_image(even, grid, np.eye(4)), subjects._interpolated(even, grid)
    middle = tuple(slice(n // 3, 2 * n // 3) for n in blurred.data.shape)
    assert np.mean(blurred.data[middle]) == pytest.approx(np.mean(sampled.data[middle]), rel=0.02)
    assert np.std(blurred.data[middle]) < 0.7 * np.std(sampled.data[middle])


def test_an_extracted_brain_has_a_median_of_one(scan):
    image, inside = subjects.resampled(*scan, spacing=4.0)
    assert np.median(image[inside]) == pytest.approx(1)
    assert brain.histogram(image[inside]).argmax() == pytest.approx(50, abs=10)


class Tiny:
    """A kind at its smallest size that records the subjects it writes."""

    def __init__(self, kind):
        self.kind, self.written = load_kind(kind), []

    def write(self, subject, size, folder):
        assert size == "full"
        self.written.append(subject)
        self.kind.write(subject, "tiny", folder)


def test_a_subject_is_generated_once_and_needs_no_other_scanner(tmp_path, monkeypatch):
    tiny = Tiny("retouch")
    monkeypatch.setattr(subjects, "load_kind", lambda kind: tiny)
    for _ in range(2):
        found = subjects.generated("retouch", "RETOUCH-TrainingSet-Spectralis/TRAIN025", tmp_path)
        assert (found.id, found.domain, found.image().data.shape) == ("TRAIN025", "SP", (48, 32, 5))
    assert tiny.written == ["RETOUCH-TrainingSet-Spectralis/TRAIN025"]


def test_a_folder_without_its_subject(tmp_path):
    (tmp_path / "ixi" / NAME / "IXI-T1").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no subject"):
        subjects.generated("ixi", NAME, tmp_path)


def test_real_subjects_are_the_first_of_a_scanner(monkeypatch):
    found = [
        Subject(id=name, domain=domain, shape=(1, 1, 1), spacing=(1, 1, 1), image=lambda: None)
        for name, domain in (("b", "OASIS"), ("a", "IXIHH"), ("c", "OASIS"), ("a", "OASIS"))
    ]
    monkeypatch.setattr(subjects, "reader", lambda name: lambda root: iter(found))
    assert [s.id for s in subjects.real(Path("raw"), "OASIS", 2)] == ["a", "b"]


def test_a_missing_real_archive(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        subjects.real(tmp_path, "OASIS", 2)
