"""Collects the prepared subjects of a dataset in the slice store."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmark.archives.formats.nifti import read_volume
from benchmark.archives.formats.volumes import Volume
from benchmark.archives.inventory import inventory_field
from benchmark.data.slices import SubjectSlices, write_slices
from benchmark.data.truth import TruthSlices, write_truth
from benchmark.preparation.prepared import KINDS, Kind, as_slices, read_record
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError, remedy_damaged


def collect(dataset: str) -> None:
    """Writes the slice store and, apart from it, the truth of phantoms.

    Raises:
        DataError: a prepared subject is missing, damaged, or from other files than the inventory states.
    """
    contents = inventory_field(dataset, "content")
    folders = {s: paths.subject(dataset, s) for s in contents}
    for subject, folder in folders.items():
        _check_content(folder, contents[subject])
    write_slices(paths.slices(dataset), (_slices(s, folder) for s, folder in folders.items()))
    write_truth(paths.truth(dataset), (t for s, folder in folders.items() for t in _truth(s, folder)))


def _check_content(folder: Path, content: str) -> None:
    """Checks what Snakemake no longer can once its own folder is deleted."""
    if read_record(folder).get("content") != content:
        path = folder / "subject.json"
        raise DataError(path, "was prepared from other files than the inventory states", remedy_damaged(folder, folder))


def _slices(subject: str, folder: Path) -> SubjectSlices:
    record = read_record(folder)
    image, labels, mask = (_volume(folder, f"{part}.nii.gz") for part in ("image", "labels", "mask"))
    column, row, between = image.spacing
    kind: Kind = record["preparation"]
    return SubjectSlices(
        subject=subject,
        domain=record["domain"],
        image=as_slices(image, kind).astype(np.float32),
        labels=as_slices(labels, kind).astype(np.uint8),
        mask=as_slices(mask, kind).astype(np.uint8),
        spacing=(between, row, column),
    )


def _truth(subject: str, folder: Path) -> Iterator[TruthSlices]:
    kind: Kind = read_record(folder)["preparation"]
    for target in sorted(folder.glob("truth/*")):
        clean, noisy = (
            as_slices(_volume(folder, f"truth/{target.name}/{name}.nii.gz"), kind).astype(np.float32) for name in KINDS
        )
        yield TruthSlices(subject, target.name, clean, noisy)


def _volume(folder: Path, name: str) -> Volume:
    """A volume of a prepared subject; the remedy of a fault is to prepare the subject again."""
    try:
        return read_volume(folder / name)
    except DataError as error:
        raise DataError(error.thing, error.fault, remedy_damaged(folder, folder)) from None
