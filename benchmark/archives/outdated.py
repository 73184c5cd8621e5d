"""Files that were made of another archive or with other settings than now, seen in the files alone.

Snakemake remembers in its own folder how it made each file. Without that folder (deleted, or not copied with the data)
it would keep subjects that are excluded since, and files that were replaced.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmark.archives.privacy.pseudonyms import digests
from benchmark.archives.retrieval import versioning
from benchmark.config.dataset import DatasetConfig
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError


def inventory_settings(config: DatasetConfig) -> str:
    """The part of a dataset's config that its inventory depends on, as JSON; of the ids left out, a hash."""
    part = config.model_dump(mode="json", include={"reader", "pairs", "split", "pseudonyms"})
    excluded = sha256(json.dumps(sorted(config.exclude)).encode()).hexdigest()
    return json.dumps({**part, "domains": sorted(config.domains), "exclude": excluded}, sort_keys=True)


def taken_with(config: DatasetConfig, archive: str) -> str:
    """A digest of what an inventory depends on; with pseudonyms under their key, as it would tell guessed ids.

    Args:
        archive: hash of the whole archive.

    Raises:
        DataError: the table of pseudonyms is missing or damaged.
    """
    return digests(config, {config.name: f"{archive} {inventory_settings(config)}"})[config.name]


def outdated(config: DatasetConfig, pin: str) -> Iterator[tuple[Path, str]]:
    """Manifest and inventory that are there and no longer hold, or are damaged, each with the reason.

    Args:
        pin: hash of the whole archive that DVC states now.

    Raises:
        DataError: the table of pseudonyms is damaged.
    """
    manifest, inventory = paths.manifest(config.name), paths.inventory(config.name)
    if manifest.is_file() and _stated(manifest, "md5") != pin:
        yield manifest, "is of another version of the archive than DVC states"
    if inventory.is_file() and not _holds(config, pin, _stated(inventory, "taken_with")):
        yield inventory, "was taken with other settings or of another archive"


def sources(config: DatasetConfig) -> list[Path]:
    """Files that state what manifest and inventory are made of: the dataset's config and, if there is one, DVC's file.

    Raises:
        DataError: a file of DVC's is damaged.
    """
    stage = versioning.generated(config.name)
    dvc = versioning.pointer(config.name) if stage is None else stage.lock
    found = [paths.DATASET_CONFIG / f"{config.name}.yaml", dvc]
    return [path for path in found if path.is_file()]


def refuse_kept(path: Path, reason: str, stated_by: Sequence[Path]) -> None:
    """Refuses an outdated file that Snakemake would keep if it forgot how it made the file: one newer than its sources.

    Raises:
        DataError: it is newer than all of them.
    """
    if path.stat().st_mtime >= max(source.stat().st_mtime for source in stated_by):
        names = " and ".join(map(str, stated_by))
        raise DataError(path, f"{reason}, but is newer than {names}, so that it might be kept", f"touch {stated_by[0]}")


def _holds(config: DatasetConfig, pin: str, stated: object) -> bool:
    """Whether the inventory was taken of this archive and with these settings. Without a key it has no such digest."""
    keyed = not config.pseudonyms or paths.private(config.name).exists()
    return keyed and stated == taken_with(config, pin)


def _stated(path: Path, key: str) -> object:
    """One entry of a JSON file; None where there is none, or the file is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8")).get(key)
    except (ValueError, AttributeError):
        return None


def made_of_others(dataset: str, subject: str) -> bool:
    """Whether a prepared subject was made of other files, or for other scanners, than the inventory states."""
    folder = paths.subject(dataset, subject)
    record, entry = folder / "subject.json", _listed(dataset).get(subject)
    if entry is None or not record.is_file():
        return False
    truth = {place.name for place in folder.glob("truth/*")}
    return _stated(record, "content") != entry["content"] or truth != set(entry["wanted_truth"])


def holds_others(dataset: str) -> bool:
    """Whether the slice store, if there is one, has other subjects than the inventory, or is damaged."""
    slices, listed = paths.slices(dataset), _listed(dataset)
    if not listed or not slices.is_file() or slices.stat().st_mtime > paths.inventory(dataset).stat().st_mtime:
        return False  # Snakemake would not make it again, so it need not be opened
    import h5py

    try:
        with h5py.File(slices) as store:
            return set(store) != set(listed)
    except OSError:
        return True


def _listed(dataset: str) -> dict[str, dict[str, Any]]:
    """The inventory's entry of each subject; none where it is missing or damaged."""
    path = paths.inventory(dataset)
    return _read_listed(path, path.stat().st_mtime_ns) if path.is_file() else {}


@cache
def _read_listed(path: Path, _written: int) -> dict[str, dict[str, Any]]:
    """Read once, and again when it was written anew."""
    listed = _stated(path, "subjects")
    return listed if isinstance(listed, dict) else {}
