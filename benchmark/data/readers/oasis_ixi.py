"""Open T1-weighted MRI of two scanners: OASIS-1 (Siemens Vision 1.5 T) and IXI's Hammersmith Hospital (Philips 3 T).

``oasis/<number>_{SS,mask,glm,classified}.nii.gz`` are skull-stripped scans, a brain mask, anatomical labels and classes
made of them; ``ixi_hh/<name>_{T1,T1_DLMUSE}.nii.gz`` are scans with skull, and anatomical labels. Both label sets
follow the same protocol, so the brain is the same labels in both. Tissue classes are none of the archive's own: those
of OASIS are made of its labels, and IXI has none.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.data.nifti import read_header, read_volume
from benchmark.data.readers._folders import listing
from benchmark.data.subject import Subject, Volume
from benchmark.data.volumes import check_same_grid
from benchmark.errors import DataError

_OASIS = re.compile(r"(?P<number>\d{4})_SS\.nii\.gz")
_IXI = re.compile(r"(?P<subject>IXI\d{3})-HH-\d+_T1\.nii\.gz")
_COMPANIONS = {"oasis": ("_mask", "_glm", "_classified"), "ixi_hh": ("_T1_DLMUSE",)}
# 1 is cerebrospinal fluid outside the brain, which only the labels of IXI have; ventricles have numbers of their own.
_OUTER_FLUID = 1
_REMEDY = "Fetch the archive again: delete the folder and run snakemake"


def read(root: Path) -> Iterator[Subject]:
    """Subjects of both scanners; the mask is the brain as the anatomical labels have it, without sulcal fluid.

    Raises:
        DataError: a folder is missing, a file has another name or no companion, or an unreadable header.
    """
    for path in _images(root / "ixi_hh", "_T1.nii.gz"):
        name = _match(_IXI, path)
        yield _subject(name["subject"], "IXIHH", path, path.with_name(path.name.replace("_T1.", "_T1_DLMUSE.")))
    for path in _images(root / "oasis", "_SS.nii.gz"):
        name = _match(_OASIS, path)
        yield _subject(f"OASIS{name['number']}", "OASIS", path, path.with_name(path.name.replace("_SS.", "_glm.")))


def _images(folder: Path, ending: str) -> list[Path]:
    """Images of a folder; every other file must be a companion of one."""
    files = listing(folder, _REMEDY)
    images = [p for p in files if p.name.endswith(ending)]
    stems = {p.name.removesuffix(ending) for p in images}
    for path in files:
        if path not in images and not any(
            path.name.endswith(f"{c}.nii.gz") and path.name.removesuffix(f"{c}.nii.gz") in stems
            for c in _COMPANIONS[folder.name]
        ):
            raise DataError(path, f"belongs to no image *{ending}", _REMEDY)
    return images


def _match(pattern: re.Pattern[str], path: Path) -> re.Match[str]:
    name = pattern.fullmatch(path.name)
    if name is None:
        raise DataError(path, "is no name of this archive", _REMEDY)
    return name


def _subject(subject: str, domain: str, image: Path, labels: Path) -> Subject:
    header = read_header(image)
    check_same_grid(read_header(labels), header)
    return Subject(
        id=subject,
        domain=domain,
        shape=header.shape,
        spacing=header.spacing,
        image=partial(read_volume, image),
        mask=partial(_brain, labels),
    )


def _brain(labels: Path) -> Volume:
    volume = read_volume(labels)
    return replace(volume, data=np.greater(volume.data, _OUTER_FLUID).astype(np.uint8))
