"""MS-SEG 2016 (Commowick et al., Scientific Reports 2018), FLAIR as preprocessed by the organisers.

Two layouts are in circulation, and both are read, unpacked or in their zip files:

- Shanoir: ``Training/Center_XX/Patient_YY/`` with ``Preprocessed_Data/FLAIR_preprocessed.nii.gz`` and
  ``Masks/{Consensus,Brain_Mask}.nii.gz``, in ``MSSEG-Training.zip``;
- older: ``Pre-processed training dataset/TrainingDataset_MSSEG/XXnnnABCD/{FLAIR_preprocessed,Mask_registered}.nii.gz``
  with ``Unprocessed training dataset/TrainingDataset_MSSEG/XXnnnABCD/Consensus.nii.gz``, XX being the centre, each in a
  zip file of its folder's name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from benchmark.data.nifti import read_header, read_volume
from benchmark.data.places import Place
from benchmark.data.readers._folders import each, listing, located, truth
from benchmark.data.subject import Found, Subject, about
from benchmark.data.volumes import check_same_grid
from benchmark.errors import DataError

DOMAINS = {"01": "SV", "07": "SA", "08": "PI"}
"""Scanner of each training centre: Siemens Verio 3 T, Siemens Aera 1.5 T, Philips Ingenia 3 T."""
_PREPROCESSED = "Pre-processed training dataset"
_UNPROCESSED = "Unprocessed training dataset"
_OLD_FOLDER = "TrainingDataset_MSSEG"
_REMEDY = "Put MSSEG-Training.zip here, or unpack it so that there is the folder Training"


@dataclass(frozen=True)
class _Files:
    id: str
    centre: str
    image: Place
    consensus: Place
    mask: Place
    truth_name: PurePath


def read(root: Path) -> Iterator[Found]:
    """Subjects with lesion labels (consensus of seven experts, 1 is lesion) and brain masks.

    Faults are neither layout, folders of another name, an unknown centre, missing files, and files of one subject on
    different grids.
    """
    old, shanoir = (
        any((root / name).exists() for name in names)
        for names in ((_PREPROCESSED, f"{_PREPROCESSED}.zip"), ("Training", "MSSEG-Training.zip"))
    )
    if old and shanoir:
        return iter([DataError(root, "holds the archive in both of its layouts", "Remove or move away one of the two")])
    return _old(root) if old else _shanoir(root)


def _shanoir(root: Path) -> Iterator[Found]:
    try:
        centres = listing(located(root, "Training", ("MSSEG-Training.zip",), _REMEDY), _REMEDY)
    except DataError as fault:
        yield fault
        return
    for centre in centres:
        yield from each(partial(listing, centre, _REMEDY), partial(_of_shanoir, root, centre))


def _old(root: Path) -> Iterator[Found]:
    return each(partial(_old_patients, root), partial(_of_old, root))


def _old_patients(root: Path) -> list[Place]:
    return listing(_old_folder(root, _PREPROCESSED), f"Put all of '{_PREPROCESSED}' here, packed or unpacked")


def _old_folder(root: Path, name: str) -> Place:
    return located(root, name, (f"{name}.zip",), f"Put '{name}' here, packed or unpacked") / _OLD_FOLDER


def _of_shanoir(root: Path, centre: Place, patient: Place) -> Subject:
    return _subject(root, _shanoir_files(centre, patient))


def _of_old(root: Path, patient: Place) -> Subject:
    return _subject(root, _old_files(patient, _old_folder(root, _UNPROCESSED)))


def _subject(root: Path, files: _Files) -> Subject:
    if files.centre not in DOMAINS:
        raise DataError(
            files.image,
            f"is of centre {files.centre}, and the training archive has the centres {', '.join(DOMAINS)}",
            "Use the training archive, not the testing one",
        )
    with about(files.id):
        header, views = read_header(files.image), truth(root, files.truth_name)
        for place in (files.consensus, files.mask):
            check_same_grid(read_header(place), header)
        return Subject(
            id=files.id,
            domain=DOMAINS[files.centre],
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, files.image),
            labels=partial(read_volume, files.consensus),
            mask=partial(read_volume, files.mask),
            truth=views.loaders(read_volume),
            files=(files.image,),
            companions=(files.consensus, files.mask, *views.files),
        )


def _shanoir_files(centre: Place, patient: Place) -> _Files:
    numbers = re.fullmatch(r"Center_(\d\d)/Patient_(\d\d)", f"{centre.name}/{patient.name}")
    if numbers is None:
        raise DataError(patient, "is not named like Center_01/Patient_01", "Remove what is not of the archive")
    image = patient / "Preprocessed_Data" / "FLAIR_preprocessed.nii.gz"
    return _Files(
        id=f"C{numbers[1]}P{numbers[2]}",
        centre=numbers[1],
        image=image,
        consensus=patient / "Masks" / "Consensus.nii.gz",
        mask=patient / "Masks" / "Brain_Mask.nii.gz",
        truth_name=PurePath(centre.name, patient.name, image.name),
    )


def _old_files(patient: Place, unprocessed: Place) -> _Files:
    if not re.fullmatch(r"\d{5}[A-Z]{4}", patient.name):
        raise DataError(patient, "is not named by five digits and four capitals", "Remove what is not of the archive")
    image = patient / "FLAIR_preprocessed.nii.gz"
    return _Files(
        id=patient.name,
        centre=patient.name[:2],
        image=image,
        consensus=unprocessed / patient.name / "Consensus.nii.gz",
        mask=patient / "Mask_registered.nii.gz",
        truth_name=PurePath(patient.name, image.name),
    )
