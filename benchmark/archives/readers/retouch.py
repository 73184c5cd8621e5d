"""RETOUCH (Bogunović et al., IEEE TMI 2019): a folder or zip file for each vendor, with a folder for each volume.

``RETOUCH-TrainingSet-<vendor>/TRAINnnn/{oct,reference}.mhd``; labels are 1 IRF, 2 SRF, 3 PED. Axes of a volume are
lateral position (x), depth (y) and B-scan (z).
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmark.archives.formats.metaimage import read_header, read_volume
from benchmark.archives.formats.packed import ArchivePath, open_packed
from benchmark.archives.formats.volumes import Header, check_same_grid
from benchmark.archives.readers._contents import check_contents
from benchmark.archives.readers._folders import check_complete, find_truth, listing, locate, read_each
from benchmark.archives.subject import Found, Subject, about
from benchmark.runtime.errors import DataError

DOMAINS = {"RETOUCH-TrainingSet-Cirrus": "CR", "RETOUCH-TrainingSet-Spectralis": "SP"}
"""Scanner of each folder that the paper uses; the third is RETOUCH-TrainingSet-Topcon."""
NUMBERS = {"CR": range(1, 25), "SP": range(25, 49)}
"""Numbers of each scanner's volumes; 049 to 070 are of Topcon."""
_VOLUME = r"TRAIN\d{3}"
_VENDORS = (*DOMAINS, "RETOUCH-TrainingSet-Topcon")
_REMEDY = "Put RETOUCH-TrainingSet-Cirrus.zip and RETOUCH-TrainingSet-Spectralis.zip here, packed or unpacked"


def read(root: Path) -> Iterator[Found]:
    """Subjects with fluid labels.

    Faults are a missing vendor or one under the name of another, folders with an unknown name or a number of another
    vendor, missing files, headers that are unreadable or contradict their raw file, and labels on another grid.
    """
    try:
        if root.is_file():
            check_contents(
                top := open_packed(root), listing(top, _REMEDY), rf"{_VOLUME}|{'|'.join(_VENDORS)}", root.stem
            )
        check_complete(root, DOMAINS)
    except DataError as fault:
        yield fault
        return
    for vendor, domain in DOMAINS.items():
        yield from read_each(partial(_volumes, root, vendor), partial(_subject, root, domain), domain)


def _volumes(root: Path, vendor: str) -> list[ArchivePath]:
    path = locate(root, vendor, (f"{vendor}.zip",), _REMEDY, _VENDORS)
    found, numbers = listing(path, _REMEDY), NUMBERS[DOMAINS[vendor]]
    check_contents(path, found, _VOLUME, vendor)
    if all(re.fullmatch(_VOLUME, p.name) and int(p.name[-3:]) not in numbers for p in found):
        raise DataError(
            path,
            f"holds no volume of this scanner, whose numbers are {numbers[0]:03d} to {numbers[-1]:03d}",
            "Give each scanner's file or folder its own name again",
        )
    return found


def _subject(root: Path, domain: str, folder: ArchivePath) -> Subject:
    if not re.fullmatch(_VOLUME, folder.name):
        raise DataError(folder, "is not named like TRAIN001", "Remove it if it is not of the archive")
    if (number := int(folder.name[-3:])) not in NUMBERS[domain]:
        first, last = NUMBERS[domain][0], NUMBERS[domain][-1]
        raise DataError(
            folder,
            f"has the number {number:03d}, and those of this scanner are {first:03d} to {last:03d}",
            "Put it into the folder of its scanner, or remove it if it is not of the archive",
        )
    with about(folder.name):
        image, labels = folder / "oct.mhd", folder / "reference.mhd"
        header, label_header = read_header(image), read_header(labels)
        truth = find_truth(root, Path(folder.name, image.name))
        check_same_grid(label_header, header)
        return Subject(
            id=folder.name,
            domain=domain,
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, image),
            labels=partial(read_volume, labels),
            truth=truth.loaders(read_volume),
            files=_files(header),
            companions=(*_files(label_header), *(f for path in truth.files for f in _files(read_header(path)))),
        )


def _files(header: Header) -> tuple[ArchivePath, ...]:
    """The file with the header and, if it is another, the one with the voxels."""
    return (header.path, header.voxel_file) if header.voxel_file else (header.path,)
