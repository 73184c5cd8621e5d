"""The MS-SEG phantom: FLAIR of patients with multiple sclerosis on three scanners, as in ``MSSEG-Training.zip``.

As in the archive, images are brain-extracted, denoised and bias-corrected; some noise and shading remain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Size:
    """A size of the phantom.

    Attributes:
        patients: number of each scanner, by its code.
        scale: of all lengths of the scanners.
        slab: mm along S that are scanned, ``_ABOVE`` mm above the brain's middle; None for the whole head.
        fine: mm between points of the anatomy, times ``scale``.
    """

    patients: Mapping[str, int]
    scale: float = 1.0
    slab: float | None = None
    fine: float = 0.6  # half the narrowest point spread

    @property
    def grid(self) -> anatomy.Grid:
        """Of the anatomy."""
        spacing = self.fine * self.scale
        return anatomy.Grid(spacing) if self.slab is None else anatomy.Grid(spacing, self.slab + _MARGIN)

    def of(self, scanner: Scanner) -> Scanner:
        """The scanner in this size."""
        scaled = scanner.scaled(self.scale)
        return scaled if self.slab is None else scaled.slab(self.slab)


_FIVE = dict.fromkeys(("SV", "SA", "PI"), 5)
_SLAB = Size(dict.fromkeys(_FIVE, 20), slab=30.0, fine=0.9)
# In a slab lesions are as many voxels wide as in the archive, for an eighth of a whole head's time.
SIZES = {
    "tiny": Size(dict.fromkeys(_FIVE, 3), scale=4.8),
    "small": replace(_SLAB, patients={"SA": 16, "PI": 12}),
    "standard": _SLAB,
    "full": Size(_FIVE),
}
_ABOVE = 10.0  # through the bodies of the lateral ventricles, where lesions are most
# Of a brain's lesions that lie in the slab: its share of the sites, mean of 20 persons.
_SHARES = {"periventricular": 0.92, "juxtacortical": 0.43, "deep": 0.59}
_MARGIN = 4.0  # mm of anatomy around a slab, for the point spread

# By assumption, as is the outline at half the brightness: share of lesion that ends a spot, and that makes it visible.
_FAINT, _OVERLOOKED = 0.15, 0.3


def subjects(size: str) -> list[str]:
    """Patients' folders under ``Training``."""
    patients = SIZES[size].patients
    return [
        f"{centre}/Patient_{n:02d}"
        for centre, scanner in CENTRES.items()
        for n in range(1, patients.get(scanner.code, 0) + 1)
    ]


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
    chosen = SIZES[size]
    above, shares = (0.0, {}) if chosen.slab is None else (_ABOVE, _SHARES)
    person = anatomy.Person.random(Stream("msseg", size, subject, "person"), above)
    brain = anatomy.build(person, chosen.grid)
    extent, severity = lesions.draw(person, brain, Stream("msseg", size, subject, "lesions"), shares)
    placement = Placement.random(Stream("msseg", size, subject, "placement"))
    own = CENTRES[subject.split("/")[0]]
    targets = [scanner for scanner in TARGETS[own.code] if scanner.code in chosen.patients]
    for scanner in (own, *targets):
        seen = chosen.of(scanner)
        image = mri.scan(brain, severity, seen, Stream("msseg", size, subject, scanner.code))
        mask = image.inside > 0.5
        volumes = {kind: _preprocessed(v, mask) for kind, v in (("clean", image.clean), ("noisy", image.noisy))}
        if scanner is not own:
            for kind, volume in volumes.items():
                path = folder / "truth" / scanner.code / kind / subject / "FLAIR_preprocessed.nii.gz"
                mri.write_scan(path, volume, seen, placement)
            continue
        consensus = mask & _outlined(seen.see(extent, brain.grid.spacing))
        patient = folder / "Training" / subject
        mri.write_scan(patient / "Preprocessed_Data/FLAIR_preprocessed.nii.gz", volumes["noisy"], seen, placement)
        mri.write_scan(patient / "Masks/Consensus.nii.gz", consensus.astype(np.uint8), seen, placement)
        mri.write_scan(patient / "Masks/Brain_Mask.nii.gz", mask.astype(np.uint8), seen, placement)
