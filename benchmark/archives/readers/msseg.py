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
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from benchmark.archives.formats.nifti import read_header, read_volume
from benchmark.archives.formats.packed import ArchivePath, open_packed
from benchmark.archives.formats.volumes import check_same_grid
from benchmark.archives.readers._contents import check_contents
from benchmark.archives.readers._folders import check_complete, find_truth, listing, locate, read_each
from benchmark.archives.subject import Found, Subject, about
from benchmark.runtime.errors import DataError

DOMAINS = {"01": "SV", "07": "SA", "08": "PI"}
"""Scanner of each training centre: Siemens Verio 3 T, Siemens Aera 1.5 T, Philips Ingenia 3 T."""
_PREPROCESSED = "Pre-processed training dataset"
_UNPROCESSED = "Unprocessed training dataset"
_OLD_FOLDER = "TrainingDataset_MSSEG"
_SHANOIR, _SHANOIR_FILE = "Training", "MSSEG-Training.zip"
_TESTING = "Testing"
_REMEDY = "Put MSSEG-Training.zip here, or unpack it so that there is the folder Training"
_NOT_TESTING = "Use the training archive, not the testing one"


@dataclass(frozen=True)
class _Files:
    id: str
    centre: str
    image: ArchivePath
    consensus: ArchivePath
    mask: ArchivePath
    truth_name: PurePath


def read(root: Path) -> Iterator[Found]:
    """Subjects with lesion labels (consensus of seven experts, 1 is lesion) and brain masks.

    Faults are neither layout or both, the testing archive, folders with an unknown name, an unknown centre, missing
    files, a patient with labels but no image, and files of one subject on different grids.
    """
    try:
        yield from _old(root) if _is_old(root) else _shanoir(root)
    except DataError as fault:
        yield fault


def _is_old(root: Path) -> bool:
    """Whether the archive has the older layout.

    Raises:
        DataError: it has both.
    """
    if root.is_file():
        return any((open_packed(root) / name).is_dir() for name in (_PREPROCESSED, _UNPROCESSED, _OLD_FOLDER))
    old, shanoir = (
        any((root / name).exists() for name in names)
        for names in (
            (_PREPROCESSED, f"{_PREPROCESSED}.zip", _UNPROCESSED, f"{_UNPROCESSED}.zip"),
            (_SHANOIR, _SHANOIR_FILE),
        )
    )
    if old and shanoir:
        raise DataError(root, "holds the archive in both of its layouts", "Remove or move away one of the two")
    return old


def _shanoir(root: Path) -> Iterator[Found]:
    # With the folders of the older layout, the message for someone who names one of them says where they are.
    path = locate(root, _SHANOIR, (_SHANOIR_FILE,), _REMEDY, (_PREPROCESSED, _UNPROCESSED))
    centres = listing(path, _REMEDY)
    check_contents(path, centres, rf"Center_\d\d|{_TESTING}", _SHANOIR)
    for centre in centres:
        domain = DOMAINS.get(centre.name[-2:])
        yield from read_each(partial(_patients, centre), partial(_of_shanoir, root, centre), domain)


def _patients(centre: ArchivePath) -> list[ArchivePath]:
    if centre.name == _TESTING:
        raise DataError(centre, "is the testing archive", _NOT_TESTING)
    if not re.fullmatch(r"Center_\d\d", centre.name):
        raise DataError(centre, "is not named like Center_01", "Remove it if it is not of the archive")
    _check_centre(centre, centre.name[-2:])
    return listing(centre, _REMEDY)


def _check_centre(path: ArchivePath, centre: str) -> None:
    if centre not in DOMAINS:
        raise DataError(
            path, f"is of centre {centre}, and the training archive has the centres {', '.join(DOMAINS)}", _NOT_TESTING
        )


def _old(root: Path) -> Iterator[Found]:
    check_complete(root, (_PREPROCESSED, _UNPROCESSED))
    remedy = f"Put all of '{_PREPROCESSED}' here, packed or unpacked"
    patients = listing(_old_folder(root, _PREPROCESSED, remedy), remedy)
    remedy = f"Put all of '{_UNPROCESSED}' here, packed or unpacked: the labels of {len(patients)} patients are in it"
    unprocessed = _old_folder(root, _UNPROCESSED, remedy)
    labelled = listing(unprocessed, remedy)
    yield from read_each(lambda: patients, partial(_of_old, root, unprocessed))
    names = {patient.name for patient in patients}
    yield from read_each(lambda: (folder for folder in labelled if folder.name not in names), _without_image)


def _old_folder(root: Path, name: str, remedy: str) -> ArchivePath:
    return locate(root, name, (f"{name}.zip",), remedy, (_PREPROCESSED, _UNPROCESSED)) / _OLD_FOLDER


def _without_image(patient: ArchivePath) -> None:
    _check_old_name(patient)
    with about(patient.name):
        raise DataError(patient, f"is of a patient who is not in '{_PREPROCESSED}'", "Get the whole archive")


def _of_shanoir(root: Path, centre: ArchivePath, patient: ArchivePath) -> Subject:
    return _subject(root, _shanoir_files(centre, patient))


def _of_old(root: Path, unprocessed: ArchivePath, patient: ArchivePath) -> Subject:
    files = _old_files(patient, unprocessed)
    _check_centre(files.image, files.centre)
    return _subject(root, files)


def _subject(root: Path, files: _Files) -> Subject:
    with about(files.id):
        header, truth = read_header(files.image), find_truth(root, files.truth_name)
        for path in (files.consensus, files.mask):
            check_same_grid(read_header(path), header)
        return Subject(
            id=files.id,
            domain=DOMAINS[files.centre],
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, files.image),
            labels=partial(read_volume, files.consensus),
            mask=partial(read_volume, files.mask),
            truth=truth.loaders(read_volume),
            files=(files.image,),
            companions=(files.consensus, files.mask, *truth.files),
        )


def _shanoir_files(centre: ArchivePath, patient: ArchivePath) -> _Files:
    numbers = re.fullmatch(r"Center_(\d\d)/Patient_(\d\d)", f"{centre.name}/{patient.name}")
    if numbers is None:
        raise DataError(patient, "is not named like Center_01/Patient_01", "Remove it if it is not of the archive")
    image = patient / "Preprocessed_Data" / "FLAIR_preprocessed.nii.gz"
    return _Files(
        id=f"C{numbers[1]}P{numbers[2]}",
        centre=numbers[1],
        image=image,
        consensus=patient / "Masks" / "Consensus.nii.gz",
        mask=patient / "Masks" / "Brain_Mask.nii.gz",
        truth_name=PurePath(centre.name, patient.name, image.name),
    )


def _old_files(patient: ArchivePath, unprocessed: ArchivePath) -> _Files:
    _check_old_name(patient)
    image = patient / "FLAIR_preprocessed.nii.gz"
    return _Files(
        id=patient.name,
        centre=patient.name[:2],
        image=image,
        consensus=unprocessed / patient.name / "Consensus.nii.gz",
        mask=patient / "Mask_registered.nii.gz",
        truth_name=PurePath(patient.name, image.name),
    )


def _check_old_name(patient: ArchivePath) -> None:
    if not re.fullmatch(r"\d{5}[A-Z]{4}", patient.name):
        raise DataError(
            patient, "is not named by five digits and four capitals", "Remove it if it is not of the archive"
        )
