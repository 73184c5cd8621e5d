"""Open T1-weighted MRI of two scanners: OASIS-1 (Siemens Vision 1.5 T) and IXI's Hammersmith Hospital (Philips 3 T).

``oasis/<number>_{SS,mask,glm,classified}.nii.gz`` are a skull-stripped scan, brain mask, anatomical labels, and tissue
classes derived from the labels; ``ixi_hh/<name>_{T1,T1_DLMUSE}.nii.gz`` are a scan with skull, and anatomical labels.
Both label sets follow one protocol, so the same labels make up the brain. Tissue classes are not used: IXI has none.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.archives.formats.nifti import read_header, read_volume
from benchmark.archives.formats.packed import ArchivePath
from benchmark.archives.formats.volumes import Volume, check_same_grid
from benchmark.archives.readers._folders import listing, locate, read_each
from benchmark.archives.subject import Found, Subject, about
from benchmark.runtime.errors import DataError

_OASIS = re.compile(r"(?P<number>\d{4})_SS\.nii\.gz")
_IXI = re.compile(r"(?P<subject>IXI\d{3})-HH-\d+_T1\.nii\.gz")
# Cerebrospinal fluid around the brain, which only IXI labels; ventricles have other numbers.
_OUTER_FLUID = 1
_REMEDY = "Fetch the archive again: delete the folder and run snakemake"


def read(root: Path) -> Iterator[Found]:
    """Subjects of both scanners; masks are the anatomical labels of the brain, without sulcal fluid.

    Faults are a missing folder, files with unknown names or without an image, and unreadable headers.
    """
    for folder, subject, domain in (("ixi_hh", _ixi, "IXIHH"), ("oasis", _oasis, "OASIS")):
        yield from read_each(partial(_images, root, folder), subject, domain)


def _images(root: Path, folder: str) -> list[ArchivePath]:
    return listing(locate(root, folder, (), _REMEDY, ("ixi_hh", "oasis")), _REMEDY)


def _ixi(path: ArchivePath) -> Subject | None:
    name = _parse(path, _IXI, "_T1.nii.gz", ("_T1_DLMUSE",))
    return name and _subject(name["subject"], "IXIHH", path, path.name.replace("_T1.", "_T1_DLMUSE."))


def _oasis(path: ArchivePath) -> Subject | None:
    name = _parse(path, _OASIS, "_SS.nii.gz", ("_mask", "_glm", "_classified"))
    return name and _subject(f"OASIS{name['number']}", "OASIS", path, path.name.replace("_SS.", "_glm."))


def _parse(path: ArchivePath, image: re.Pattern[str], ending: str, companions: tuple[str, ...]) -> re.Match[str] | None:
    """The parts of an image's name; None for another file of its subject."""
    name = image.fullmatch(path.name)
    if name is not None:
        return name
    if path.name.endswith(ending):
        raise DataError(path, "is no name of this archive", _REMEDY)
    stems = [path.name.removesuffix(f"{c}.nii.gz") for c in companions if path.name.endswith(f"{c}.nii.gz")]
    if not any((path.parent / f"{stem}{ending}").is_file() for stem in stems):
        raise DataError(path, f"belongs to no image *{ending}", _REMEDY)
    return None


def _subject(subject: str, domain: str, image: ArchivePath, labels_name: str) -> Subject:
    with about(subject):
        labels = image.parent / labels_name
        header = read_header(image)
        check_same_grid(read_header(labels), header)
        return Subject(
            id=subject,
            domain=domain,
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, image),
            mask=partial(_brain, labels),
            files=(image,),
            companions=(labels,),
        )


def _brain(labels: ArchivePath) -> Volume:
    volume = read_volume(labels)
    return replace(volume, data=np.greater(volume.data, _OUTER_FLUID).astype(np.uint8))
