"""MS-SEG 2016 (Commowick et al., Scientific Reports 2018), FLAIR as preprocessed by the organisers.

Two layouts are in circulation; both are read, unpacked or in their zip files:

- Shanoir: ``Training/Center_XX/Patient_YY/`` with ``Preprocessed_Data/FLAIR_preprocessed.nii.gz`` and
  ``Masks/{Consensus,Brain_Mask}.nii.gz``, in ``MSSEG-Training.zip``;
- older: ``Pre-processed training dataset/TrainingDataset_MSSEG/XXnnnABCD/{FLAIR_preprocessed,Mask_registered}.nii.gz``
  with ``Unprocessed training dataset/TrainingDataset_MSSEG/XXnnnABCD/Consensus.nii.gz``, where XX is the centre; each
  folder in a zip file of its name.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePath

from benchmark.archives.formats.nifti import read_header, read_volume
from benchmark.archives.formats.packed import ArchivePath, open_packed
from benchmark.archives.formats.volumes import check_same_grid
from benchmark.archives.readers._folders import Truth, check_complete, find_truth, listing, locate, read_each
from benchmark.archives.subject import Found, Subject, about
from benchmark.runtime.errors import DataError

DOMAINS = {"01": "SV", "07": "SA", "08": "PI"}
"""Scanner of each training centre: Siemens Verio 3 T, Siemens Aera 1.5 T, Philips Ingenia 3 T."""
_PREPROCESSED = "Pre-processed training dataset"
_UNPROCESSED = "Unprocessed training dataset"
_OLD_FOLDER = "TrainingDataset_MSSEG"
_REMEDY = "Put MSSEG-Training.zip here, or unpack it so that there is the folder Training"


def read(root: Path) -> Iterator[Found]:
    """Subjects with lesion labels (consensus of seven experts, 1 is lesion) and brain masks.

    Faults are neither layout, folders with an unknown name, an unknown centre, missing files, and files of one subject
    on different grids.
    """
    try:
        yield from _old(root) if _is_old(root) else _shanoir(root)
    except DataError as fault:
        yield fault


def _is_old(root: Path) -> bool:
    """Whether the archive has the older layout."""
    if root.is_file():
        return any((open_packed(root) / name).is_dir() for name in (_PREPROCESSED, _UNPROCESSED, _OLD_FOLDER))
    return any((root / f"{name}{end}").exists() for name in (_PREPROCESSED, _UNPROCESSED) for end in ("", ".zip"))


def _shanoir(root: Path) -> Iterator[Found]:
    for centre in listing(locate(root, "Training", "MSSEG-Training.zip", _REMEDY), _REMEDY):
        domain = DOMAINS.get(centre.name[-2:])
        yield from read_each(partial(_patients, centre), partial(_of_shanoir, root, centre), domain)


def _patients(centre: ArchivePath) -> list[ArchivePath]:
    if not re.fullmatch(r"Center_\d\d", centre.name):
        raise DataError(centre, "is not named like Center_01", "Remove it if it is not of the archive")
    _check_centre(centre, centre.name[-2:])
    return listing(centre, _REMEDY)


def _of_shanoir(root: Path, centre: ArchivePath, patient: ArchivePath) -> Subject:
    name = re.fullmatch(r"Patient_(\d\d)", patient.name)
    if name is None:
        raise DataError(patient, "is not named like Center_01/Patient_01", "Remove it if it is not of the archive")
    number, masks = centre.name[-2:], patient / "Masks"
    image = patient / "Preprocessed_Data" / "FLAIR_preprocessed.nii.gz"
    truth = find_truth(root, PurePath(centre.name, patient.name, image.name))
    labels, mask = masks / "Consensus.nii.gz", masks / "Brain_Mask.nii.gz"
    return _subject(f"C{number}P{name[1]}", number, image, labels, mask, truth)


def _old(root: Path) -> Iterator[Found]:
    check_complete(root, (_PREPROCESSED, _UNPROCESSED))
    patients, labelled = _old_folder(root, _PREPROCESSED), _old_folder(root, _UNPROCESSED)
    yield from read_each(lambda: listing(patients, "Get the whole archive"), partial(_of_old, labelled))


def _old_folder(root: Path, name: str) -> ArchivePath:
    return locate(root, name, f"{name}.zip", f"Put all of '{name}' here, packed or unpacked") / _OLD_FOLDER


def _of_old(labelled: ArchivePath, patient: ArchivePath) -> Subject:
    name = patient.name
    if not re.fullmatch(r"\d{5}[A-Z]{4}", name):
        remedy = "Remove it if it is not of the archive"
        raise DataError(patient, "is not named by five digits and four capitals", remedy)
    _check_centre(patient, name[:2])
    image, mask = patient / "FLAIR_preprocessed.nii.gz", patient / "Mask_registered.nii.gz"
    return _subject(name, name[:2], image, labelled / name / "Consensus.nii.gz", mask, Truth({}))


def _check_centre(path: ArchivePath, centre: str) -> None:
    if centre not in DOMAINS:
        fault = f"is of centre {centre}, and the training archive has the centres {', '.join(DOMAINS)}"
        raise DataError(path, fault, "Use the training archive, not the testing one")


def _subject(
    name: str, centre: str, image: ArchivePath, labels: ArchivePath, mask: ArchivePath, truth: Truth
) -> Subject:
    with about(name):
        header = read_header(image)
        for path in (labels, mask):
            check_same_grid(read_header(path), header)
        return Subject(
            id=name,
            domain=DOMAINS[centre],
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, image),
            labels=partial(read_volume, labels),
            mask=partial(read_volume, mask),
            truth=truth.loaders(read_volume),
            files=(image,),
            companions=(labels, mask, *truth.files),
        )
