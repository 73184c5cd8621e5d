"""The RETOUCH phantom: macular OCT with fluid, Zeiss Cirrus and Heidelberg Spectralis, in the layout of the archive."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.phantoms.fields import grid_positions
from benchmark.phantoms.oct import BScan, Device, Sampling, b_scan
from benchmark.phantoms.retina import Eye
from benchmark.phantoms.streams import Stream
from benchmark.phantoms.volumefiles import write_metaimage

# Volumes: Bogunović et al., IEEE TMI 38: 1858-1874, 2019 (6 x 6 mm of the macula; 512 x 1024 x 128 in 2 mm of depth,
# 512 x 496 x 49 in 1.9 mm); the archive stores Cirrus in 8 bits, Spectralis in 16. Resolution: Cirrus 5 µm axial, 15 µm
# transverse; Spectralis 7 µm, nominally 14 µm (Kiernan et al., Am J Ophthalmol 149: 18-31, 2010). Frames: not stated
# for RETOUCH; by assumption 1 for Cirrus and an average of 5 for Spectralis (Huang et al., Invest Ophthalmol Vis Sci
# 53: 2133-2141, 2012, describe signal quality by number of frames). Also by assumption, noise floors and grey scales:
# Cirrus shows decibels from black to white, with a visible noise floor; Spectralis the fourth root of the intensity,
# nearly black outside the retina.
CIRRUS = Device(
    code="CR",
    columns=512,
    rows=1024,
    b_scans=128,
    field=(6.0, 2.0, 6.0),
    axial=5.0,
    lateral=15.0,
    frames=1,
    floor=-25.0,
    black=-32.0,
    white=6.0,
    levels=255,
)
SPECTRALIS = Device(
    code="SP",
    columns=512,
    rows=496,
    b_scans=49,
    field=(6.0, 1.92, 6.0),
    axial=7.0,
    lateral=14.0,
    frames=5,
    floor=-38.0,
    black=None,
    white=2.0,
    levels=65535,
)

_SMALL_FIELD = (4.0, 0.96, 4.0)
# Voxels of both devices, number of eyes of each. Smaller sizes show the centre of the macula, with the same field on
# both devices. Cirrus has twice the rows and three times the B-scans (2.1 and 2.6 times in the archive), so that every
# B-scan of Spectralis coincides with one of Cirrus.
_SMALL = (Sampling(80, 128, 27, _SMALL_FIELD), Sampling(80, 64, 9, _SMALL_FIELD))
SIZES = {
    "tiny": (Sampling(48, 64, 15, _SMALL_FIELD), Sampling(48, 32, 5, _SMALL_FIELD), (4, 4)),
    "small": (*_SMALL, (16, 12)),
    "standard": (*_SMALL, (24, 24)),
    "full": (Sampling(512, 1024, 128, CIRRUS.field), Sampling(512, 496, 49, SPECTRALIS.field), (24, 24)),
}
_FIRST_CIRRUS, _FIRST_SPECTRALIS = 1, 25


def subjects(size: str) -> list[str]:
    """Folders of the examinations, Cirrus first."""
    cirrus, spectralis = SIZES[size][2]
    return [f"RETOUCH-TrainingSet-Cirrus/TRAIN{_FIRST_CIRRUS + n:03d}" for n in range(cirrus)] + [
        f"RETOUCH-TrainingSet-Spectralis/TRAIN{_FIRST_SPECTRALIS + n:03d}" for n in range(spectralis)
    ]


def _examine(eye: Eye, device: Device, sampling: Sampling, key: tuple[str, ...]) -> list[BScan]:
    """All B-scans of a volume, each with its own speckle."""
    strength = Stream("retouch", *key, device.code).number(0.7, 1.3)
    sections = grid_positions(sampling.b_scans, sampling.spacing[2]).tolist()
    return [
        b_scan(eye, device, sampling, z, strength, Stream("retouch", *key, device.code, n))
        for n, z in enumerate(sections)
    ]


def _write(path: Path, slices: list[npt.NDArray[np.generic]], sampling: Sampling) -> None:
    dx, dy, dz = sampling.spacing
    # The origin is the first voxel's centre, so that both devices' volumes share a corner.
    write_metaimage(path, np.stack(slices), (dx, dy, dz), (dx / 2.0, dy / 2.0, dz / 2.0))


def write(subject: str, size: str, folder: Path) -> None:
    """Writes an eye's volume and reference and, for Cirrus, the true volumes on Spectralis."""
    cirrus, spectralis, _ = SIZES[size]
    source = "Cirrus" in subject
    device, sampling = (CIRRUS, cirrus) if source else (SPECTRALIS, spectralis)
    eye = Eye.random(Stream("retouch", size, subject, "eye"), sampling.field)
    scans = _examine(eye, device, sampling, (size, subject))
    _write(folder / subject / "oct.mhd", [scan.noisy for scan in scans], sampling)
    _write(folder / subject / "reference.mhd", [scan.labels for scan in scans], sampling)
    if source:
        scans = _examine(eye, SPECTRALIS, spectralis, (size, subject))
        truth, name = folder / "truth" / SPECTRALIS.code, subject.split("/")[1]
        _write(truth / "clean" / name / "oct.mhd", [scan.clean for scan in scans], spectralis)
        _write(truth / "noisy" / name / "oct.mhd", [scan.noisy for scan in scans], spectralis)
