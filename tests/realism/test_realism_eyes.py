"""Quantities of an eye that was generated with known values."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.archives.formats.volumes import Volume
from benchmark.archives.subject import Subject
from benchmark.phantoms.fields import grid_positions
from benchmark.phantoms.oct import Sampling, b_scan
from benchmark.phantoms.retina import VITREOUS, Eye
from benchmark.phantoms.retouch import SPECTRALIS
from benchmark.phantoms.streams import Stream
from studies.realism.eyes import eye_quantities

SAMPLING = Sampling(128, SPECTRALIS.rows, 12, SPECTRALIS.field)


@pytest.fixture(scope="module")
def measured():
    eye = Eye.random(Stream("test", "realism"), SAMPLING.field)
    sections = grid_positions(SAMPLING.b_scans, SAMPLING.spacing[2]).tolist()
    scans = [b_scan(eye, SPECTRALIS, SAMPLING, z, 1.0, Stream("test", n)) for n, z in enumerate(sections)]
    affine = np.diag([*SAMPLING.spacing, 1.0])

    def volume(images):
        return Volume(np.stack(images).transpose(2, 1, 0), affine, Path("eye"))

    subject = Subject(
        id="eye",
        domain="SP",
        shape=(SAMPLING.columns, SAMPLING.rows, SAMPLING.b_scans),
        spacing=SAMPLING.spacing,
        image=lambda: volume([scan.noisy for scan in scans]),
        labels=lambda: volume([scan.labels for scan in scans]),
    )
    return {quantity: value for quantity, _, value in eye_quantities(subject, eye, SPECTRALIS)}


def test_speckle_is_that_of_five_frames(measured):
    assert measured["speckle contrast, inner plexiform layer"] == pytest.approx(1 / np.sqrt(5), rel=0.08)


def test_vitreous_is_faint_speckle_on_noise(measured):
    scattered = VITREOUS.reflectivity * np.array([1.0, np.exp(0.77)])  # in the middle of the depth, and nearest
    floor = 10 ** (SPECTRALIS.floor / 10)
    low, high = np.hypot(scattered, floor) / (scattered + floor) / np.sqrt(5)
    assert low < measured["speckle contrast, vitreous"] < high


def test_levels_are_the_reflectivities_of_layers(measured):
    # 1 and 0.1 of nerve fibres and outer nuclear layer, and what is lost between them and in a millimetre of depth
    assert 11 < measured["nerve fibres against outer nuclear layer"] < 14
    assert 28 < measured["pigment epithelium against vitreous"] < 33


def test_edge_is_the_axial_resolution(measured):
    assert measured["10-90 % edge, inner limiting membrane"] == pytest.approx(1.09 * SPECTRALIS.axial, rel=0.25)


def test_thickness_and_fluid(measured):
    assert 200 < measured["the same without fluid"] < 320
    assert measured["central retinal thickness"] > measured["the same without fluid"]
    fluids = [measured[f"{name} fluid, 6 mm"] for name in ("intraretinal", "subretinal", "sub-epithelial")]
    assert all(volume > 0 for volume in fluids)
    assert 0 < measured["all fluid, central 1 mm"] < sum(fluids)
