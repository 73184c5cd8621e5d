"""The MS-SEG phantom: FLAIR of patients with multiple sclerosis on three scanners, as in ``MSSEG-Training.zip``.

As in the archive, images are brain-extracted, denoised and bias-corrected; some noise and shading remain.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmark.phantoms import anatomy, lesions, mri
from benchmark.phantoms.exactmath import Array
from benchmark.phantoms.mri import FluidAttenuatedInversionRecovery, Placement, Scanner
from benchmark.phantoms.streams import Stream
from benchmark.phantoms.template import Mask

# TR, TE and TI of 3-D FLAIR: Commowick et al., Sci Rep 8: 13650, 2018 (Verio 5000, 399, 1800; Aera 5000, 336, 1800;
# Ingenia 5400, 360, 1800). Their echo trains store magnetization along the field between weak refocusing pulses, and
# thus have the contrast of a spin echo with a much shorter echo time (Mugler, J Magn Reson Imaging 39: 745-767, 2014).
# By assumption it is 0.4 TE: 134 ms for SA, 160 ms for SV, 144 ms for PI. The two at 3 T exceed the 100 to 140 ms that
# Bachmann et al., Eur Radiol 16: 915-921, 2006, tested with conventional FLAIR of multiple sclerosis (120 ms was best).
# Matrices: Ren et al. 2021, Table I, with the rows of SV and PI exchanged: 512 voxels of 0.5 mm are Siemens' field of
# view of 256 mm, 336 of 0.744 mm Philips' 250 mm. Voxels of SA and PI have more digits than that table, which prints
# 1.2 and 1 mm, and 0.7 mm. Slices are sagittal. By assumption, voxels below 1 mm are interpolated from about 1 mm.
# Noise and shading: by assumption, half and a fifth of those of ``ixi`` at the same field, after denoising and N4.
SA = Scanner(
    code="SA",
    field=1.5,
    sequence=FluidAttenuatedInversionRecovery(tr=5000.0, te=0.4 * 336.0, ti=1800.0),
    matrix=(128, 224, 256),
    voxel=(1.25, 1.03, 1.03),
    acquired=(1.25, 1.03, 1.03),
    axes="LAS",
    noise=0.024,
    shading=0.02,
)
SV = Scanner(
    code="SV",
    field=3.0,
    sequence=FluidAttenuatedInversionRecovery(tr=5000.0, te=0.4 * 399.0, ti=1800.0),
    matrix=(144, 512, 512),
    voxel=(1.1, 0.5, 0.5),
    acquired=(1.1, 1.0, 1.0),
    axes="LPS",
    noise=0.015,
    shading=0.04,
)
PI = Scanner(
    code="PI",
    field=3.0,
    sequence=FluidAttenuatedInversionRecovery(tr=5400.0, te=0.4 * 360.0, ti=1800.0),
    matrix=(261, 336, 336),
    voxel=(0.7, 0.744, 0.744),
    acquired=(1.1, 1.1, 1.1),
    axes="RAS",
    noise=0.015,
    shading=0.04,
)
CENTRES = {"Center_01": SV, "Center_07": SA, "Center_08": PI}
TARGETS = {"SA": (SV, PI), "SV": (PI,), "PI": ()}

# Scale of all lengths, number of patients of each scanner.
SIZES = {"tiny": (4.8, 3), "small": (2.4, 5), "full": (1.0, 5)}
# By assumption, as is the outline at half the brightness: share of lesion that ends a spot, and that makes it visible.
_FAINT, _OVERLOOKED = 0.15, 0.3
_FINE = 0.6  # mm between points of the anatomy at full size: half the narrowest point spread


def subjects(size: str) -> list[str]:
    """Patients' folders under ``Training``."""
    return [f"{centre}/Patient_{n:02d}" for centre in CENTRES for n in range(1, SIZES[size][1] + 1)]


def _preprocessed(volume: Array, brain: Mask) -> npt.NDArray[np.int16]:
    return np.where(brain, np.rint(np.maximum(volume, 0.0)), 0.0).astype(np.int16)


def _outlined(lesion: Array) -> Mask:
    """Visible lesions as most experts outline them: to half the brightness of their middle."""
    spots, count = ndimage.label(lesion > _FAINT)
    middle = np.concatenate([[np.inf], ndimage.maximum(lesion, spots, np.arange(1, count + 1))])
    middle[middle < _OVERLOOKED] = np.inf
    return lesion > 0.5 * middle[spots]


def write(subject: str, size: str, folder: Path) -> None:
    """Writes a patient's scan, consensus and brain mask, and the true scans on the target scanners."""
    scale = SIZES[size][0]
    person = anatomy.Person.random(Stream("msseg", size, subject, "person"))
    brain = anatomy.build(person, _FINE * scale)
    extent, severity = lesions.draw(person, brain, Stream("msseg", size, subject, "lesions"))
    placement = Placement.random(Stream("msseg", size, subject, "placement"))
    own = CENTRES[subject.split("/")[0]]
    for scanner in (own, *TARGETS[own.code]):
        seen = scanner.scaled(scale)
        image = mri.scan(brain, severity, seen, Stream("msseg", size, subject, scanner.code))
        mask = image.inside > 0.5
        volumes = {kind: _preprocessed(v, mask) for kind, v in (("clean", image.clean), ("noisy", image.noisy))}
        if scanner is not own:
            for kind, volume in volumes.items():
                path = folder / "truth" / scanner.code / kind / subject / "FLAIR_preprocessed.nii.gz"
                mri.write_scan(path, volume, seen, placement)
            continue
        consensus = mask & _outlined(seen.see(extent, brain.spacing))
        patient = folder / "Training" / subject
        mri.write_scan(patient / "Preprocessed_Data/FLAIR_preprocessed.nii.gz", volumes["noisy"], seen, placement)
        mri.write_scan(patient / "Masks/Consensus.nii.gz", consensus.astype(np.uint8), seen, placement)
        mri.write_scan(patient / "Masks/Brain_Mask.nii.gz", mask.astype(np.uint8), seen, placement)
