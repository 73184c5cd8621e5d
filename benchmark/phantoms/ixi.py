"""The IXI phantom: healthy T1-weighted brains, GE 1.5 T (site IOP) and Philips 3 T (site HH), as in ``IXI-T1.tar``."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.phantoms import anatomy, mri
from benchmark.phantoms.exactmath import Array
from benchmark.phantoms.fields import resample
from benchmark.phantoms.mri import Placement, Scanner, SpoiledGradientEcho
from benchmark.phantoms.streams import Stream

# HH: brain-development.org/ixi-dataset, scan parameters of the Philips Intera 3 T: TR 9.6, TE 4.6, flip angle 8°, 208 x
# 208 acquired in 240 mm. That page gives none for IOP. Here they are those of LPBA40, T1-weighted SPGR on another GE
# 1.5 T (Shattuck et al., NeuroImage 39: 1064-1080, 2008: TR 10.0-12.5, TE 4.22-4.5, flip angle 20°), with the 192
# phase-encoding steps of IXI's other 1.5 T scanner. Matrix: Ren et al. 2021, Table III. Voxels, printed there as 0.9 mm
# in plane, are the field of view over the matrix, 240 mm / 256. The archive's files have the axes P, S, R. At 3 T the
# transmit field is not uniform, and the flip angle in the brain can exceed the nominal one (Collins et al., J Magn
# Reson Imaging 21: 192-196, 2005). The factor 1.2 is chosen to match the archive's contrast: fluid and grey matter then
# have 0.43 and 0.75 of the signal of white matter; in the archive, ventricles have 0.43 and cortex, darkened by fluid,
# 0.70. Noise relative to white matter, as in BrainWeb: the usual 3 % at 3 T and 1.6 times that at 1.5 T, less than the
# ideal factor 2. Shading: BrainWeb's 20 % and 40 %, which are ± 0.1 and ± 0.2.
SOURCE = Scanner(
    code="GE",
    field=1.5,
    sequence=SpoiledGradientEcho(tr=11.25, te=4.36, flip=20.0),
    matrix=(146, 256, 256),
    voxel=(1.2, 0.9375, 0.9375),
    acquired=(1.2, 1.25, 0.9375),
    axes="PSR",
    noise=0.048,
    shading=0.1,
)
TARGET = Scanner(
    code="PL",
    field=3.0,
    sequence=SpoiledGradientEcho(tr=9.6, te=4.6, flip=1.2 * 8.0),
    matrix=(150, 256, 256),
    voxel=(1.2, 0.9375, 0.9375),
    acquired=(1.2, 1.154, 1.154),
    axes="PSR",
    noise=0.03,
    shading=0.2,
)

# Scale of all lengths, number of source and of target subjects (74 and 167 in the paper).
SIZES = {"tiny": (4.8, 4, 4), "small": (2.4, 16, 12), "standard": (2.4, 40, 40), "full": (1.0, 74, 167)}
_FINE = 0.6  # mm between points of the anatomy at full size: half the narrowest point spread


def subjects(size: str) -> list[str]:
    """File names, source first, with numbers above the real archive's last one, 662."""
    _, sources, targets = SIZES[size]
    return [f"IXI{701 + n}-IOP-{7001 + n}-T1" for n in range(sources)] + [
        f"IXI{801 + n}-HH-{8001 + n}-T1" for n in range(targets)
    ]


def _quantised(volume: Array) -> npt.NDArray[np.int16]:
    return np.rint(np.maximum(volume, 0.0)).astype(np.int16)


def _tissues(brain: anatomy.Brain, scanner: Scanner) -> npt.NDArray[np.uint8]:
    """The tissue with the largest share of each voxel of the brain: 1 fluid, 2 grey matter, 3 white matter."""
    shares = [
        resample(share, brain.grid.spacing, scanner.matrix, scanner.voxel, scanner.voxel)
        for share in (brain.fluid, brain.grey, brain.white)
    ]
    inside = shares[0] + shares[1] + shares[2] > 0.5
    return np.where(inside, 1 + np.argmax(shares, axis=0), 0).astype(np.uint8)


def write(subject: str, size: str, folder: Path) -> None:
    """Writes a subject's scan, its tissues and, for a source subject, the true scans on the target scanner."""
    scale = SIZES[size][0]
    person = anatomy.Person.random(Stream("ixi", size, subject, "person"))
    brain = anatomy.build(person, anatomy.Grid(_FINE * scale))
    placement = Placement.random(Stream("ixi", size, subject, "placement"))
    own = SOURCE if "-IOP-" in subject else TARGET
    scanner = own.scaled(scale)
    image = mri.scan(brain, None, scanner, Stream("ixi", size, subject, scanner.code))
    file = f"{subject}.nii.gz"
    mri.write_scan(folder / "IXI-T1" / file, _quantised(image.noisy), scanner, placement)
    mri.write_scan(folder / "labels" / file, _tissues(brain, scanner), scanner, placement)
    if own is SOURCE:
        scanner = TARGET.scaled(scale)
        image = mri.scan(brain, None, scanner, Stream("ixi", size, subject, scanner.code))
        for kind, volume in (("clean", image.clean), ("noisy", image.noisy)):
            mri.write_scan(folder / "truth" / scanner.code / kind / file, _quantised(volume), scanner, placement)
