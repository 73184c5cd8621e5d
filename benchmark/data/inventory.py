"""Which subjects an archive holds, read off its headers, and how they are split."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark import layout
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data import readers
from benchmark.data.splits import make_folds, write_splits
from benchmark.data.subject import Subject
from benchmark.errors import DataError
from benchmark.whole import write_whole


@dataclass(frozen=True)
class Entry:
    """One subject as its headers describe it.

    Attributes:
        shape: voxels along the file's axes.
        spacing: mm along the same axes.
        truth: target scanners whose view of the subject is known (phantoms).
    """

    domain: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    has_labels: bool
    has_mask: bool
    truth: tuple[str, ...]


def take_inventory(dataset: str) -> None:
    """Writes the inventory and the splits of every pair of a dataset.

    Raises:
        DataError: whatever is wrong with the archive, two subjects of one id, a subject in two domains, or too few
            subjects for the protocol.
    """
    config = load_dataset(dataset)
    entries = survey(config, layout.raw(dataset))
    by_domain = {d: [s for s, e in entries.items() if e.domain == d] for d in config.domains}
    folds = {pair: make_folds(config, pair, by_domain) for pair in config.pairs}
    shutil.rmtree(layout.splits(dataset, config.pairs[0]).parent, ignore_errors=True)
    for pair in config.pairs:
        write_splits(layout.splits(dataset, pair), config, pair, folds[pair])
    body = {"dataset": dataset, "subjects": {s: asdict(e) for s, e in entries.items()}}
    write_whole(layout.inventory(dataset), json.dumps(body, indent=1) + "\n")


def survey(config: DatasetConfig, root: Path) -> dict[str, Entry]:
    """Every subject of the archive at ``root`` that the config does not exclude, by id, in order.

    Raises:
        DataError: as :func:`take_inventory`.
    """
    found: dict[str, Entry] = {}
    everybody: set[str] = set()
    for subject in readers.read(config.reader, root):
        everybody.add(subject.id)
        if subject.id in config.exclude:
            continue
        if subject.id in found:
            raise _twice(root, subject, found[subject.id])
        found[subject.id] = Entry(
            domain=subject.domain,
            shape=subject.shape,
            spacing=subject.spacing,
            has_labels=subject.labels is not None,
            has_mask=subject.mask is not None,
            truth=tuple(sorted(subject.truth or ())),
        )
    if unknown := set(config.exclude) - everybody:
        raise DataError(
            layout.DATASET_CONFIG / f"{config.name}.yaml",
            f"excludes {', '.join(sorted(unknown))}, and {root} holds no such subject",
            "Correct 'exclude'",
        )
    _check_domains(config, root, found.values())
    return {subject: found[subject] for subject in sorted(found)}


def subjects(dataset: str) -> list[str]:
    """Ids of the subjects in the inventory, in order.

    Raises:
        DataError: there is no inventory, or it is damaged.
    """
    path = layout.inventory(dataset)
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["subjects"])
    except FileNotFoundError:
        raise DataError(path, "is missing", "Run snakemake, which writes it") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(path, "is damaged", "Delete it and run snakemake, which writes it again") from None


def _twice(root: Path, subject: Subject, first: Entry) -> DataError:
    where = "twice" if subject.domain == first.domain else f"in two domains, {first.domain} and {subject.domain}"
    return DataError(
        root,
        f"holds subject {subject.id} {where}",
        "One person may be scanned once: remove all but one of the scans from the archive, or exclude the subject",
    )


def _check_domains(config: DatasetConfig, root: Path, entries: Iterable[Entry]) -> None:
    present = {e.domain for e in entries}
    if unknown := present - set(config.domains):
        raise DataError(
            layout.DATASET_CONFIG / f"{config.name}.yaml",
            f"has no domain {', '.join(sorted(unknown))}, which the reader '{config.reader}' found in {root}",
            "Add it under 'domains'",
        )
    if absent := set(config.domains) - present:
        raise DataError(root, f"holds no subject of {', '.join(sorted(absent))}", "Get the whole archive")
