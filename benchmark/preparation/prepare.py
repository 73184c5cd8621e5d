"""Prepares one subject of an archive, in a process of its own."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmark.archives.inventory import inventory_field
from benchmark.archives.manifest import Manifest
from benchmark.archives.plausibility import check_plausible
from benchmark.archives.privacy.pseudonyms import archive_ids, digests
from benchmark.archives.privacy.redaction import redacted
from benchmark.archives.readers import reader
from benchmark.archives.subject import Subject, about
from benchmark.config.dataset import DatasetConfig, MRIPreparation
from benchmark.config.load import load_dataset
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError

if TYPE_CHECKING:
    from benchmark.preparation.prepared import Prepared
    from benchmark.preparation.record import Record


def prepare_subject(dataset: str, subject: str) -> None:
    """Writes the subject's folder (see :func:`benchmark.runtime.paths.subject`), complete or not at all.

    It runs in one thread, so that sums of floats have a fixed order, and the same scan gives the same bytes.

    Args:
        subject: its name in the inventory.

    Raises:
        DataError: a fault of the subject's files.
    """
    # ROBEX, a child process, reads this, and SimpleITK when it is imported.
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"
    import SimpleITK as sitk

    from benchmark.preparation.prepared import write_prepared
    from benchmark.preparation.record import Record

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    config = load_dataset(dataset)
    record = Record()
    with redacted(config), about(subject):
        archive_id = archive_ids(config, [subject])[subject]
        manifest, found = Manifest.read(config), _find(config, archive_id)
        content = digests(config, {subject: json.dumps(manifest.checksums(found))})[subject]
        manifest.check(found)
        found = replace(found, id=subject)
        prepared = prepare_volumes(config, found, truth_targets(config, found), record)
    head = {
        "dataset": dataset,
        "subject": subject,
        "domain": found.domain,
        "preparation": config.preparation.kind,
        "content": content,
    }
    write_prepared(paths.subject(dataset, subject), prepared, {**head, **record.finished()})


def prepare_volumes(config: DatasetConfig, subject: Subject, targets: Sequence[str], record: "Record") -> "Prepared":
    """The volumes of a subject on the dataset's grid.

    Args:
        targets: scanners whose truth is needed.

    Raises:
        DataError: a fault of the subject's files.
    """
    from benchmark.preparation.mri import prepare_mri
    from benchmark.preparation.oct import prepare_oct

    if isinstance(config.preparation, MRIPreparation):
        return prepare_mri(config, config.preparation, subject, targets, record)
    return prepare_oct(config, config.preparation, subject, targets, record)


def truth_targets(config: DatasetConfig, subject: Subject) -> list[str]:
    """Scanners for which the subject's truth is needed, as the inventory states.

    Raises:
        DataError: a phantom lacks it, or the inventory is missing or damaged.
    """
    if not config.phantom:
        return []
    targets: list[str] = inventory_field(config.name, "wanted_truth").get(subject.id, [])
    if missing := set(targets) - set(subject.truth or ()):
        raise DataError(
            paths.raw(config.name) / "truth",
            f"lacks {subject.id} on {', '.join(sorted(missing))}",
            "Delete the phantom and run snakemake, which generates it again",
        )
    return targets


def _find(config: DatasetConfig, subject: str) -> Subject:
    root = paths.raw(config.name)
    # The inventory has reported faults of other subjects.
    for candidate in reader(config.reader)(root):
        if isinstance(candidate, DataError):
            if candidate.subject == subject:
                raise candidate
        elif candidate.id == subject:
            check_plausible(config.preparation.kind, candidate)
            return candidate
    raise DataError(root, f"holds no subject {subject}", "Run snakemake, which takes the inventory again")
