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

from benchmark.archives.formats.nifti import read_header, read_volume
from benchmark.archives.formats.packed import Place, sibling
from benchmark.archives.formats.volumes import check_same_grid
from benchmark.archives.readers._folders import each, listing, located
from benchmark.archives.subject import Found, Subject, Volume, about
from benchmark.runtime.errors import DataError

_OASIS = re.compile(r"(?P<number>\d{4})_SS\.nii\.gz")
_IXI = re.compile(r"(?P<subject>IXI\d{3})-HH-\d+_T1\.nii\.gz")
# 1 is cerebrospinal fluid outside the brain, which only the labels of IXI have; ventricles have numbers of their own.
_OUTER_FLUID = 1
_REMEDY = "Fetch the archive again: delete the folder and run snakemake"


def read(root: Path) -> Iterator[Found]:
    """Subjects of both scanners; the mask is the brain as the anatomical labels have it, without sulcal fluid.

    Faults are a folder that is not there, files of another name or without companion, and unreadable headers.
    """
    for folder, make, domain in (("ixi_hh", _ixi, "IXIHH"), ("oasis", _oasis, "OASIS")):
        yield from each(partial(_images, root, folder), make, domain)


def _images(root: Path, folder: str) -> list[Place]:
    return listing(located(root, folder, (), _REMEDY, ("ixi_hh", "oasis")), _REMEDY)


def _ixi(place: Place) -> Subject | None:
    name = _image(place, _IXI, "_T1.nii.gz", ("_T1_DLMUSE",))
    return name and _subject(name["subject"], "IXIHH", place, place.name.replace("_T1.", "_T1_DLMUSE."))


def _oasis(place: Place) -> Subject | None:
    name = _image(place, _OASIS, "_SS.nii.gz", ("_mask", "_glm", "_classified"))
    return name and _subject(f"OASIS{name['number']}", "OASIS", place, place.name.replace("_SS.", "_glm."))


def _image(place: Place, pattern: re.Pattern[str], ending: str, companions: tuple[str, ...]) -> re.Match[str] | None:
    """The parts of an image's name; None for a companion of one."""
    name = pattern.fullmatch(place.name)
    if name is not None:
        return name
    if place.name.endswith(ending):
        raise DataError(place, "is no name of this archive", _REMEDY)
    stems = [place.name.removesuffix(f"{c}.nii.gz") for c in companions if place.name.endswith(f"{c}.nii.gz")]
    if not any(sibling(place, f"{stem}{ending}").is_file() for stem in stems):
        raise DataError(place, f"belongs to no image *{ending}", _REMEDY)
    return None


def _subject(subject: str, domain: str, image: Place, labels_name: str) -> Subject:
    with about(subject):
        labels = sibling(image, labels_name)
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


def _brain(labels: Place) -> Volume:
    volume = read_volume(labels)
    return replace(volume, data=np.greater(volume.data, _OUTER_FLUID).astype(np.uint8))
