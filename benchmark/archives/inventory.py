"""The subjects of an archive, according to its headers, and their splits."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.archives.manifest import Manifest
from benchmark.archives.outdated import taken_with
from benchmark.archives.plausibility import check_plausible
from benchmark.archives.privacy.pseudonyms import archive_ids, digests, public_names
from benchmark.archives.privacy.redaction import redacted
from benchmark.archives.readers import reader
from benchmark.archives.subject import Subject, about
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data.splits import Fold, make_folds, write_splits
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.errors import DataError, remedy_damaged, remedy_missing
from benchmark.runtime.text import counted


@dataclass(frozen=True)
class Entry:
    """One subject according to its headers.

    Attributes:
        shape: voxels along the file's axes.
        spacing: mm along the same axes.
        truth: target scanners for which the truth is known (phantoms).
    """

    domain: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    has_labels: bool
    has_mask: bool
    truth: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """Content of an archive.

    Attributes:
        entries: subjects with a readable header that the config does not exclude, sorted by id.
        faults: all faults, in the order in which they were found.
        excluded: subjects of the archive that the config excludes.
    """

    entries: dict[str, Entry]
    faults: tuple[DataError, ...]
    excluded: tuple[str, ...]

    def of(self, domain: str) -> dict[str, Entry]:
        """Subjects of one scanner."""
        return {name: entry for name, entry in self.entries.items() if entry.domain == domain}


def take_inventory(dataset: str) -> None:
    """Writes the inventory of a dataset, after a check that its subjects can be split for all pairs.

    Subjects appear under their public names (:mod:`benchmark.archives.privacy.pseudonyms`), sorted by these, since the
    order of the archive's ids would reveal them. An entry has all that the preparation of a subject depends on: content
    of its headers, scanners for which its truth is needed, and a hash of its files. The inventory also has a digest of
    what it depends on itself (:mod:`benchmark.archives.outdated`).

    Raises:
        DataError: a fault of the archive, or too few subjects for the protocol.
    """
    config = load_dataset(dataset)
    with redacted(config):
        manifest = Manifest.read(config)
        manifest.check_sizes()
        contents: dict[str, str] = {}

        def inspect(subject: Subject) -> str:
            checksums = manifest.checksums(subject)
            contents[subject.id] = json.dumps(checksums)
            return list(checksums.values())[len(subject.files) - 1]

        found = survey(config, paths.raw(dataset), inspect)
        # Messages about faults need names too.
        names = public_names(config, {*found.entries, *(f.subject for f in found.faults if f.subject)})
        if found.faults:
            raise _first_fault(found.faults, dataset)
        by_domain = {domain: list(found.of(domain)) for domain in config.domains}
        folds = {pair: make_folds(config, pair, by_domain) for pair in config.pairs}
        hashes, taken = digests(config, contents), taken_with(config, manifest.md5)
    entries = {
        names[s]: {**asdict(e), "wanted_truth": _wanted_truth(config, folds, s), "content": hashes[s]}
        for s, e in found.entries.items()
    }
    body = {
        "dataset": dataset,
        "taken_with": taken,
        "subjects": {name: entries[name] for name in sorted(entries)},
    }
    write_atomically(paths.inventory(dataset), json.dumps(body, indent=1) + "\n")


def split_subjects(dataset: str, pair: str) -> None:
    """Writes the splits of a pair, from the inventory.

    The archive's ids decide on the folds, so that pseudonyms do not change them.

    Raises:
        DataError: the inventory is missing or damaged, or does not fit the table of pseudonyms.
    """
    config = load_dataset(dataset)
    domains = domains_of(dataset)
    with redacted(config):
        ids = archive_ids(config, domains)
        by_domain = {domain: [ids[name] for name, of in domains.items() if of == domain] for domain in config.domains}
        folds = make_folds(config, pair, by_domain)
    names = {archive_id: name for name, archive_id in ids.items()}
    write_splits(paths.splits(dataset, pair), config, pair, [fold.renamed(names) for fold in folds])


def _wanted_truth(config: DatasetConfig, folds: Mapping[str, Sequence[Fold]], subject: str) -> list[str]:
    """Target scanners of the pairs in which a phantom's subject is a test subject of the source."""
    if not config.phantom:
        return []
    return [pair.split("-")[1] for pair, of in folds.items() if any(subject in fold.test_source for fold in of)]


def survey(
    config: DatasetConfig,
    root: Path,
    inspect: Callable[[Subject], str] | None = None,
) -> Survey:
    """Content and faults of the archive at ``root``, according to its headers. Faults of excluded subjects are ignored.

    Args:
        inspect: called with each usable subject, for further checks; returns what only the same image has too. A
            DataError that it raises is a fault.
    """
    found: dict[str, Subject] = {}
    by_image: dict[str, list[str]] = defaultdict(list)
    faults: list[DataError] = []
    names: set[str] = set()
    for subject in reader(config.reader)(root):
        name = subject.subject if isinstance(subject, DataError) else subject.id
        names |= {name} if name else set()
        if name in config.exclude:
            continue
        if isinstance(subject, DataError):
            faults.append(subject)
        elif subject.id in found:
            faults.append(_twice(root, found[subject.id], subject))
        else:
            found[subject.id] = subject
            try:
                with about(subject.id):
                    check_plausible(config.preparation.kind, subject)
                    if inspect:
                        by_image[inspect(subject)].append(subject.id)
            except DataError as fault:
                faults.append(fault)
    if unknown := set(config.exclude) - names:
        faults.append(
            DataError(
                paths.DATASET_CONFIG / f"{config.name}.yaml",
                f"excludes {', '.join(sorted(unknown))}, and {root} holds no such subject",
                "Correct 'exclude'",
            )
        )
    if names:  # otherwise it is another archive, and a fault says so
        faulty = {fault.domain for fault in faults if fault.domain}
        faults += _wrong_domains(config, root, {subject.domain for subject in found.values()}, faulty)
    faults += [_same_image(root, [found[s] for s in sorted(same)]) for same in by_image.values() if len(same) > 1]
    entries = {name: _entry(found[name]) for name in sorted(found)}
    return Survey(entries, tuple(faults), tuple(sorted(names & set(config.exclude))))


def _entry(subject: Subject) -> Entry:
    return Entry(
        domain=subject.domain,
        shape=subject.shape,
        spacing=subject.spacing,
        has_labels=subject.labels is not None,
        has_mask=subject.mask is not None,
        truth=tuple(sorted(subject.truth or ())),
    )


def _first_fault(faults: tuple[DataError, ...], dataset: str) -> DataError:
    first = faults[0]
    if len(faults) == 1:
        return first
    fault = DataError(
        first.thing,
        f"{first.fault} (and {counted(len(faults) - 1, 'more fault')})",
        f"{first.remedy}. To see all: hbench data check {dataset}",
    )
    fault.subject = first.subject
    return fault


def subjects(dataset: str) -> list[str]:
    """Ids of the subjects in the inventory, sorted.

    Raises:
        DataError: the inventory is missing or damaged.
    """
    return list(domains_of(dataset))


def domains_of(dataset: str) -> dict[str, str]:
    """Domain of each subject in the inventory, sorted by id.

    Raises:
        DataError: the inventory is missing or damaged.
    """
    return inventory_field(dataset, "domain")


def inventory_field(dataset: str, field: Literal["domain", "wanted_truth", "content"]) -> dict[str, Any]:
    """One field of each subject in the inventory.

    Raises:
        DataError: the inventory is missing or damaged.
    """
    path = paths.inventory(dataset)
    try:
        return {name: entry[field] for name, entry in json.loads(path.read_text("utf-8"))["subjects"].items()}
    except FileNotFoundError:
        raise DataError(path, "is missing", remedy_missing(path)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(path, "is damaged", remedy_damaged(path)) from None


def _twice(root: Path, first: Subject, second: Subject) -> DataError:
    where = "twice" if first.domain == second.domain else f"in two domains, {first.domain} and {second.domain}"
    return DataError(
        root,
        f"holds subject {first.id} {where}: {first.files[0]} and {second.files[0]}",
        "A subject may have one scan: remove all but one of the scans from the archive, or exclude the subject",
    )


def _same_image(root: Path, subjects: Sequence[Subject]) -> DataError:
    files = " and ".join(str(subject.files[-1]) for subject in subjects)
    return DataError(
        root,
        f"holds the same image for {' and '.join(subject.id for subject in subjects)}: {files}",
        "Put each subject's own image in its place, or exclude all but one in the dataset's config",
    )


def _wrong_domains(config: DatasetConfig, root: Path, present: set[str], faulty: set[str]) -> Iterator[DataError]:
    """Scanners that the config lacks, and scanners without subjects, unless another fault explains that."""
    if unknown := present - set(config.domains):
        yield DataError(
            paths.DATASET_CONFIG / f"{config.name}.yaml",
            f"has no domain {', '.join(sorted(unknown))}, which the reader '{config.reader}' found in {root}",
            "Add it under 'domains'",
        )
    if absent := set(config.domains) - present - faulty:
        yield DataError(root, f"holds no subject of {', '.join(sorted(absent))}", "Get the whole archive")
