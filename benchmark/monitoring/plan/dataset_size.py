"""Number of subjects, folds and slices of a dataset: from its inventory, or expected before the archive is there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.archives.inventory import domains_of
from benchmark.archives.retrieval import versioning
from benchmark.config.dataset import DatasetConfig, OCTPreparation
from benchmark.config.load import load_dataset
from benchmark.data.splits import Fold, make_folds
from benchmark.phantoms.generate import load_kind
from benchmark.runtime import paths
from benchmark.runtime.errors import ConfigError

_COMMAND = re.compile(r"python -m benchmark\.phantoms (?P<kind>\w+) (?P<size>\w+) ")


@dataclass(frozen=True)
class DatasetSize:
    """Subjects, slices and folds of one dataset.

    Attributes:
        subjects: domain of each subject.
        slices: of each subject, all of which are assumed to hold foreground.
        folds: of each pair; before the subjects' ids are known, folds of the right size with placeholders.
    """

    dataset: DatasetConfig
    subjects: Mapping[str, str]
    slices: int
    folds: Mapping[str, Sequence[Fold]]

    @property
    def slice_pixels(self) -> int:
        rows, columns = self.dataset.preparation.grid_size
        return rows * columns


def dataset_size(name: str) -> DatasetSize:
    """The known or expected size of a dataset.

    Raises:
        ConfigError: there is no inventory, and the config does not state the number of subjects.
        DataError: the inventory is damaged.
    """
    dataset = load_dataset(name)
    subjects = expected_subjects(dataset)
    by_domain = {code: [s for s, domain in subjects.items() if domain == code] for code in dataset.domains}
    folds = {pair: make_folds(dataset, pair, by_domain) for pair in dataset.pairs}
    return DatasetSize(dataset, subjects, slices_per_subject(dataset), folds)


def slices_per_subject(dataset: DatasetConfig) -> int:
    """Number of slices that preparation makes of a subject."""
    if isinstance(dataset.preparation, OCTPreparation):
        return dataset.preparation.b_scans
    from benchmark.preparation.template import slice_grid

    return slice_grid(dataset.preparation).shape[2]


def expected_subjects(dataset: DatasetConfig) -> dict[str, str]:
    """Domain of each subject: from the inventory, otherwise with as many placeholder ids as subjects are expected.

    Raises:
        ConfigError: there is no inventory, and the config does not state the number of subjects.
        DataError: the inventory is damaged.
    """
    if paths.inventory(dataset.name).is_file():
        return domains_of(dataset.name)
    counts = _phantom_counts(dataset) or {code: d.published_subjects for code, d in dataset.domains.items()}
    if unknown := [code for code, count in counts.items() if count is None]:
        raise ConfigError(
            paths.DATASET_CONFIG / f"{dataset.name}.yaml",
            f"does not state how many subjects the scanner {unknown[0]} has",
            f"Add 'published_subjects' there, or make the inventory first: snakemake {paths.inventory(dataset.name)}",
        )
    placeholders = {f"{code}-{n}": code for code, count in counts.items() for n in range(count or 0)}
    return dict(list(placeholders.items())[: len(placeholders) - len(dataset.exclude)])


def phantom_stage(dataset: DatasetConfig) -> tuple[str, str] | None:
    """Kind and size of the phantom, if a DVC stage generates this dataset."""
    stage = versioning.generated(dataset.name)
    found = _COMMAND.match(stage.command) if stage else None
    return (found["kind"], found["size"]) if found else None


def _phantom_counts(dataset: DatasetConfig) -> dict[str, int | None] | None:
    """Number of a phantom's subjects of each scanner; in small sizes, where scanners differ by a few, the mean."""
    stage = phantom_stage(dataset)
    if stage is None:
        return None
    kind, size = stage
    count = len(load_kind(kind).subjects(size))
    published = {code: domain.published_subjects for code, domain in dataset.domains.items()}
    if sum(n or 0 for n in published.values()) == count:  # full-size phantoms have as many as the archive
        return published
    return dict.fromkeys(dataset.domains, count // len(dataset.domains))
