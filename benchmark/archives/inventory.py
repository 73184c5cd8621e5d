"""Which subjects an archive holds, read off its headers, and how they are split."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.archives.formats.packed import ArchivePath
from benchmark.archives.manifest import Manifest
from benchmark.archives.outdated import taken_with
from benchmark.archives.plausibility import check_plausible
from benchmark.archives.privacy.pseudonyms import digests, names_of, own_ids
from benchmark.archives.privacy.redaction import redacted
from benchmark.archives.readers import reader
from benchmark.archives.subject import Subject, about
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data.splits import Fold, make_folds, write_splits
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.errors import DataError, made_again, made_by_snakemake
from benchmark.runtime.text import counted


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


@dataclass(frozen=True)
class Survey:
    """What an archive holds.

    Attributes:
        entries: subjects with a readable header that the config does not exclude, by id, in order.
        faults: everything that is wrong, in the order in which it was come across.
        excluded: subjects that the config leaves out and the archive holds.
    """

    entries: dict[str, Entry]
    faults: tuple[DataError, ...]
    excluded: tuple[str, ...]


def take_inventory(dataset: str) -> None:
    """Writes the inventory of a dataset, whose subjects can be split for every pair.

    Subjects have the names that they have in all that follows (:mod:`benchmark.archives.privacy.pseudonyms`), in their
    order: the order of the archive's ids would tell whose is which. Beside what its headers say of a subject stand the
    scanners on which its truth is wanted, and a hash of its files: whatever its preparation depends on. Beside all of
    them stands a digest of what the inventory itself depends on (:mod:`benchmark.archives.outdated`).

    Raises:
        DataError: whatever is wrong with the archive, two subjects of one id, a subject in two domains, or too few
            subjects for the protocol.
    """
    config = load_dataset(dataset)
    with redacted(config):
        manifest = Manifest.read(config)
        manifest.check_sizes()
        contents: dict[str, str] = {}

        def look(subject: Subject) -> None:
            contents[subject.id] = manifest.content(subject)

        found = survey(config, paths.raw(dataset), look, manifest)
        # Faults need names too.
        names = names_of(config, {*found.entries, *(f.subject for f in found.faults if f.subject)})
        if found.faults:
            raise _first_of(found.faults, dataset)
        by_domain = _by_domain(config, {s: e.domain for s, e in found.entries.items()})
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

    The archive's ids decide who is in which fold, so that pseudonyms change nothing about it.

    Raises:
        DataError: there is no inventory, or it is damaged; or the table of pseudonyms is not the one it was made with.
    """
    config = load_dataset(dataset)
    domains = domains_of(dataset)
    with redacted(config):
        ids = own_ids(config, domains)
        folds = make_folds(config, pair, _by_domain(config, {ids[name]: domain for name, domain in domains.items()}))
    names = {own: name for name, own in ids.items()}
    write_splits(paths.splits(dataset, pair), config, pair, [fold.renamed(names) for fold in folds])


def _wanted_truth(config: DatasetConfig, folds: Mapping[str, Sequence[Fold]], subject: str) -> list[str]:
    """Targets of the pairs in which a phantom's subject is tested as the source."""
    if not config.phantom:
        return []
    return [pair.split("-")[1] for pair, of in folds.items() if any(subject in fold.test_source for fold in of)]


def _by_domain(config: DatasetConfig, domains: Mapping[str, str]) -> dict[str, list[str]]:
    return {domain: [s for s, of in domains.items() if of == domain] for domain in config.domains}


def survey(
    config: DatasetConfig,
    root: Path,
    look: Callable[[Subject], None] = lambda subject: None,
    manifest: Manifest | None = None,
) -> Survey:
    """Everything that the archive at ``root`` holds, and everything that is wrong with it, by its headers.

    What is wrong with an excluded subject does not count.

    Args:
        manifest: where the archive was verified; two subjects of one image are a fault.
        look: is shown each usable subject, to look at more than its header; what it raises of DataError is a fault.
    """
    found: dict[str, Subject] = {}
    faults: list[DataError] = []
    everybody: set[str] = set()
    for subject in reader(config.reader)(root):
        name = subject.subject if isinstance(subject, DataError) else subject.id
        everybody |= {name} if name else set()
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
                    look(subject)
            except DataError as fault:
                faults.append(fault)
    if unknown := set(config.exclude) - everybody:
        faults.append(
            DataError(
                paths.DATASET_CONFIG / f"{config.name}.yaml",
                f"excludes {', '.join(sorted(unknown))}, and {root} holds no such subject",
                "Correct 'exclude'",
            )
        )
    if everybody:  # else it is another archive, which was told
        told = {fault.domain for fault in faults if fault.domain}
        faults += _wrong_domains(config, root, {subject.domain for subject in found.values()}, told)
    files = {name: subject.files[-1] for name, subject in found.items() if subject.files}
    faults += [same_image(root, {s: files[s] for s in same}) for same in (manifest.same(files) if manifest else ())]
    entries = {name: _entry(found[name]) for name in sorted(found)}
    return Survey(entries, tuple(faults), tuple(sorted(everybody & set(config.exclude))))


def _entry(subject: Subject) -> Entry:
    return Entry(
        domain=subject.domain,
        shape=subject.shape,
        spacing=subject.spacing,
        has_labels=subject.labels is not None,
        has_mask=subject.mask is not None,
        truth=tuple(sorted(subject.truth or ())),
    )


def _first_of(faults: tuple[DataError, ...], dataset: str) -> DataError:
    first = faults[0]
    if len(faults) == 1:
        return first
    told = DataError(
        first.thing,
        f"{first.fault} (and {counted(len(faults) - 1, 'more fault')})",
        f"{first.remedy}. To see all: hbench data check {dataset}",
    )
    told.subject = first.subject
    return told


def subjects(dataset: str) -> list[str]:
    """Ids of the subjects in the inventory, in order.

    Raises:
        DataError: there is no inventory, or it is damaged.
    """
    return list(domains_of(dataset))


def domains_of(dataset: str) -> dict[str, str]:
    """Domain of each subject in the inventory, in order of their ids.

    Raises:
        DataError: there is no inventory, it is damaged or lists nobody, or a subject is of a domain that is none of
            the dataset's.
    """
    path, found = paths.inventory(dataset), {s: str(domain) for s, domain in stated_of(dataset, "domain").items()}
    known = load_dataset(dataset).domains
    if odd := next((s for s in found if found[s] not in known), None):
        raise DataError(path, f"says that {odd} is of {found[odd]}, not of {', '.join(known)}", made_again(path))
    return found


def stated_of(dataset: str, what: Literal["domain", "wanted_truth", "content"]) -> dict[str, Any]:
    """One thing that the inventory says of each subject.

    Raises:
        DataError: there is no inventory, it is damaged, or it lists nobody.
    """
    path = paths.inventory(dataset)
    try:
        found = {name: entry[what] for name, entry in json.loads(path.read_text("utf-8"))["subjects"].items()}
    except FileNotFoundError:
        raise DataError(path, "is missing", made_by_snakemake(path)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(path, "is damaged", made_again(path)) from None
    if not found:
        raise DataError(path, "lists no subject", made_again(path))
    return found


def _twice(root: Path, first: Subject, second: Subject) -> DataError:
    named = " and ".join(str(file) for file in (*first.files[:1], *second.files[:1]))
    where = "twice" if first.domain == second.domain else f"in two domains, {first.domain} and {second.domain}"
    return DataError(
        root,
        f"holds subject {first.id} {where}" + (f": {named}" if named else ""),
        "One person may be scanned once: remove all but one of the scans from the archive, or exclude the subject",
    )


def same_image(root: Path, files: Mapping[str, ArchivePath | None]) -> DataError:
    """What is said of subjects that have one image, each with a file of it."""
    named = " and ".join(str(file) for file in files.values() if file)
    return DataError(
        root,
        f"holds the same image for {' and '.join(files)}" + (f": {named}" if named else ""),
        "Put each subject's own image in its place, or exclude all but one in the dataset's config",
    )


def _wrong_domains(config: DatasetConfig, root: Path, present: set[str], told: set[str]) -> Iterator[DataError]:
    """Scanners that the config does not have, and those of whom there is nobody, unless it was told why."""
    if unknown := present - set(config.domains):
        yield DataError(
            paths.DATASET_CONFIG / f"{config.name}.yaml",
            f"has no domain {', '.join(sorted(unknown))}, which the reader '{config.reader}' found in {root}",
            "Add it under 'domains'",
        )
    if absent := set(config.domains) - present - told:
        yield DataError(root, f"holds no subject of {', '.join(sorted(absent))}", "Get the whole archive")
