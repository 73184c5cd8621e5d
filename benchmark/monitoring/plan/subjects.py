"""Whose archive is how large: from the inventory or, before there is one, from what is known of the archive."""

import re

from benchmark.archives.inventory import domains_of
from benchmark.archives.retrieval import versioning
from benchmark.config.dataset import DatasetConfig
from benchmark.phantoms.generate import load_kind
from benchmark.runtime import paths
from benchmark.runtime.errors import ConfigError

_COMMAND = re.compile(r"python -m benchmark\.phantoms (?P<kind>\w+) (?P<size>\w+) ")


def expected_subjects(dataset: DatasetConfig) -> dict[str, str]:
    """Domain of each subject: of the inventory, else as many made-up ids as subjects are expected.

    Raises:
        ConfigError: there is no inventory, and nothing is said about how many subjects there are.
        DataError: the inventory is damaged.
    """
    if paths.inventory(dataset.name).is_file():
        return domains_of(dataset.name)
    counts = _generated(dataset) or {code: d.published_subjects for code, d in dataset.domains.items()}
    if unknown := [code for code, count in counts.items() if count is None]:
        raise ConfigError(
            paths.DATASET_CONFIG / f"{dataset.name}.yaml",
            f"does not say how many subjects the scanner {unknown[0]} has",
            f"Add 'published_subjects' there, or make the inventory first: snakemake {paths.inventory(dataset.name)}",
        )
    left = sum(count or 0 for count in counts.values()) - len(dataset.exclude)
    everybody = {f"{code}-{n}": code for code, count in counts.items() for n in range(count or 0)}
    return dict(list(everybody.items())[:left])


def generated(dataset: DatasetConfig) -> tuple[str, str] | None:
    """Kind and size of a phantom that a stage of DVC generates."""
    by = versioning.generated(dataset.name)
    found = _COMMAND.match(by.command) if by else None
    return (found["kind"], found["size"]) if found else None


def _generated(dataset: DatasetConfig) -> dict[str, int | None] | None:
    """How many subjects of each scanner such a stage makes."""
    stage = generated(dataset)
    if stage is None:
        return None
    kind, size = stage
    count = len(load_kind(kind).subjects(size))
    published = {code: domain.published_subjects for code, domain in dataset.domains.items()}
    if sum(n or 0 for n in published.values()) == count:  # those of full size are as many as the archive's
        return published
    return dict.fromkeys(dataset.domains, count // len(dataset.domains))
