"""RETOUCH (Bogunović et al., IEEE TMI 2019): one folder for each vendor, one folder in it for each volume.

``RETOUCH-TrainingSet-<vendor>/TRAINnnn/{oct,reference}.mhd``; labels are 1 IRF, 2 SRF, 3 PED. Axes of a volume are
lateral position (x), depth (y) and B-scan (z). A vendor's folder may still be in its zip file.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmark.archives.formats.metaimage import read_header, read_volume
from benchmark.archives.formats.packed import Place, opened
from benchmark.archives.formats.volumes import Header, check_same_grid
from benchmark.archives.readers._folders import check_whole, each, listing, located, truth
from benchmark.archives.readers._others import check_own
from benchmark.archives.subject import Found, Subject, about
from benchmark.runtime.errors import DataError

DOMAINS = {"RETOUCH-TrainingSet-Cirrus": "CR", "RETOUCH-TrainingSet-Spectralis": "SP"}
"""Scanner of each folder. RETOUCH-TrainingSet-Topcon is the third, which the paper does not use."""
NUMBERS = {"CR": range(1, 25), "SP": range(25, 49)}
"""Numbers that the examinations of each scanner have; 049 to 070 are of Topcon."""
_VOLUME = r"TRAIN\d{3}"
_VENDORS = (*DOMAINS, "RETOUCH-TrainingSet-Topcon")
_REMEDY = "Put RETOUCH-TrainingSet-Cirrus.zip and RETOUCH-TrainingSet-Spectralis.zip here, packed or unpacked"


def read(root: Path) -> Iterator[Found]:
    """Subjects with fluid labels.

    Faults are a vendor that is not there or in another's place, folders of another name or with another vendor's
    number, missing files, headers that are unreadable or contradict their raw file, and labels that differ from their
    image in shape or position.
    """
    try:
        if root.is_file():
            check_own(top := opened(root), listing(top, _REMEDY), rf"{_VOLUME}|{'|'.join(_VENDORS)}", root.stem)
        check_whole(root, DOMAINS)
    except DataError as fault:
        yield fault
        return
    for vendor, domain in DOMAINS.items():
        yield from each(partial(_volumes, root, vendor), partial(_subject, root, domain), domain)


def _volumes(root: Path, vendor: str) -> list[Place]:
    place = located(root, vendor, (f"{vendor}.zip",), _REMEDY, _VENDORS)
    found, numbers = listing(place, _REMEDY), NUMBERS[DOMAINS[vendor]]
    check_own(place, found, _VOLUME, vendor)
    if all(re.fullmatch(_VOLUME, p.name) and int(p.name[-3:]) not in numbers for p in found):
        raise DataError(
            place,
            f"holds no volume of this scanner, whose numbers are {numbers[0]:03d} to {numbers[-1]:03d}",
            "Give each scanner's file or folder back its own name",
        )
    return found


def _subject(root: Path, domain: str, folder: Place) -> Subject:
    if not re.fullmatch(_VOLUME, folder.name):
        raise DataError(folder, "is not named like TRAIN001", "Remove what is not of the archive")
    if (number := int(folder.name[-3:])) not in NUMBERS[domain]:
        first, last = NUMBERS[domain][0], NUMBERS[domain][-1]
        raise DataError(
            folder,
            f"has the number {number:03d}, and those of this scanner are {first:03d} to {last:03d}",
            "Put it into its own scanner's folder, or remove what is not of the archive",
        )
    with about(folder.name):
        image, labels = folder / "oct.mhd", folder / "reference.mhd"
        header, of_labels, views = read_header(image), read_header(labels), truth(root, Path(folder.name, image.name))
        check_same_grid(of_labels, header)
        return Subject(
            id=folder.name,
            domain=domain,
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, image),
            labels=partial(read_volume, labels),
            truth=views.loaders(read_volume),
            files=_files(header),
            companions=(*_files(of_labels), *(f for view in views.files for f in _files(read_header(view)))),
        )


def _files(header: Header) -> tuple[Place, ...]:
    """The file with the header and, where it is another, the one with the voxels."""
    return (header.path, header.beside) if header.beside else (header.path,)
