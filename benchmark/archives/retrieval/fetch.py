"""Gets an archive and verifies it: pulls, generates, or downloads it, whichever is possible, in this order."""

from pathlib import Path

from benchmark.archives.manifest import Tree, write_manifest
from benchmark.archives.privacy.redaction import redacted
from benchmark.archives.retrieval import versioning
from benchmark.archives.retrieval.download import at_mirror, complete, download, read_sources
from benchmark.archives.retrieval.resumable import check_room, download_file
from benchmark.config.dataset import DatasetConfig, PublicFile
from benchmark.config.load import load_dataset
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError


def pin(dataset: str) -> str:
    """The hash of the whole archive that DVC states, or would state of an archive that is one public file.

    Returns:
        Empty if DVC does not track the archive, and it is not one public file.
    """
    if stated := versioning.stated(dataset):
        return stated.md5
    public = _public(load_dataset(dataset))
    return _archive_md5(public) if public else ""


def fetch(dataset: str) -> None:
    """Gets and verifies the archive, and writes its manifest if that changes.

    Raises:
        DataError: as :func:`obtain`.
    """
    config = load_dataset(dataset)
    with redacted(config):
        tree = obtain(dataset)
    write_manifest(config, pin(dataset), tree)


def obtain(dataset: str) -> Tree:
    """Gets and verifies the archive.

    If a table lists its public files, the table decides, and further files, such as notices on a DVC remote, do not
    change the manifest.

    Raises:
        DataError: no way to get it (the message names owner, terms, and where to put it), or no room for it; or it
            differs from what DVC states.
    """
    config = load_dataset(dataset)
    tree = _verified(config)
    if tree is None:
        _get(config)
        tree = _verified(config)
    if tree is None:
        raise DataError(
            paths.raw(dataset),
            f"is not what {versioning.pointer(dataset)} states",
            f"To have it as it was: dvc checkout {versioning.pointer(dataset)}; "
            f"to check and accept it as it is: hbench data track {dataset}",
        )
    return tree


def _verified(config: DatasetConfig) -> Tree | None:
    """The archive's files, if they are complete and correct."""
    tree, table, public = Tree.of(paths.raw(config.name)), _table(config), _public(config)
    if table:
        sources = read_sources(table)
        return tree.only(s.file for s in sources) if complete(sources, paths.raw(config.name)) else None
    if public and not any("/" in name for name in tree.files):
        # Notices and tables beside the file are allowed; an unpacked copy is not, since readers would prefer it.
        tree = tree.only({public.name} & tree.files.keys())
    return tree if tree.files and tree.md5 == pin(config.name) else None


def _get(config: DatasetConfig) -> None:
    folder, table, generated = paths.raw(config.name), _table(config), versioning.generated(config.name)
    public = _public(config)
    paths.RAW.mkdir(parents=True, exist_ok=True)
    check_room(folder, _size(config))
    failure = _pull(config, replaceable=bool(table or generated))
    if failure is None:
        return
    if generated:
        _generate(config.name, generated)
    elif table:
        print(f"{folder}: downloading from {config.archive.url if config.archive else table}")
        download(read_sources(table), folder)
    elif public and not _occupied(folder):
        url = at_mirror(public.url)
        print(f"{folder}: downloading {url}", flush=True)
        download_file(url, public.md5, folder / public.name)
    else:
        raise failure
    if config.archive:
        print(f"{folder}: {config.archive.owner}. Terms: {config.archive.terms}")


def _pull(config: DatasetConfig, *, replaceable: bool) -> DataError | None:
    """Pulls the archive, or returns why that failed.

    Args:
        replaceable: there is another source, so that a damaged copy may be overwritten.
    """
    folder = paths.raw(config.name)
    if not versioning.stated(config.name):
        return absent(config)
    if _occupied(folder) and not replaceable:
        return None  # the user decides about a copy that differs
    if not versioning.configure_remote():
        return absent(config)
    try:
        versioning.pull(config.name)
    except DataError as error:
        if replaceable or _public(config):
            reason = f"it could not be pulled from the DVC remote ({error.fault})"
            print(f"{folder}: {reason}; it is made again and checked against the stated hash.")
        return error
    return None


def _generate(dataset: str, by: versioning.Generated) -> None:
    """Runs the stage, whose output must have the hash in DVC's lock file.

    Raises:
        DataError: it has another hash. The lock file stays as it was.
    """
    expected = pin(dataset)
    before = by.lock.read_bytes() if by.lock.is_file() else None
    versioning.reproduce(by.stage)
    if expected and before is not None and pin(dataset) != expected:
        found = pin(dataset)
        by.lock.write_bytes(before)
        raise DataError(
            paths.raw(dataset),
            f"was generated with the hash {found}, and {by.lock} states {expected}",
            f"If its code was changed on purpose, run 'dvc repro {by.stage}' and commit {by.lock}; "
            "otherwise install the versions of requirements.lock, or pull it from a remote",
        )


def absent(config: DatasetConfig) -> DataError:
    """Says that an archive is absent, and how to get, check and track it: owner, terms, and where to put it."""
    folder, archive, track = paths.raw(config.name), config.archive, f"hbench data track {config.name}"
    if by := versioning.generated(config.name):
        return DataError(folder, "is not generated yet", f"Run 'dvc repro {by.stage}', or a benchmark that has it")
    if archive is None:
        return DataError(
            folder,
            f"is absent, and no stage of {versioning.PIPELINES[0]} generates it",
            f"Add a stage with this folder as its output, or an 'archive' to config/datasets/{config.name}.yaml",
        )
    public = archive.download
    if _occupied(folder) and not versioning.stated(config.name):
        other = f", and is not just {public.name} with the MD5 hash {public.md5}" if public else ""
        away = f"; or move it away and have that file downloaded: hbench data fetch {config.name}" if public else ""
        return DataError(folder, f"is there, but not tracked{other}", f"Check and track it: {track}{away}")
    fault, remedy = "is absent", ""
    if versioning.stated(config.name):
        fault += ", and no DVC remote is configured"
        remedy = "dvc remote add --local --default NAME WHERE; or: "
    elif public:
        remedy = f"Download it: hbench data fetch {config.name}; or get it by hand: "
    return DataError(
        folder,
        fault,
        f"{remedy}{config.title} is given out by {archive.owner}, terms: {archive.terms} ({archive.url}). "
        f"Put {archive.contents} into {folder}, then check and track it: {track}",
    )


def _occupied(folder: Path) -> bool:
    """Whether the folder contains anything but unfinished downloads."""
    return folder.exists() and any(not p.name.endswith(paths.UNFINISHED) for p in folder.iterdir())


def _size(config: DatasetConfig) -> int:
    """Size of the archive in bytes; 0 if unknown."""
    table, stated = _table(config), versioning.stated(config.name)
    return sum(s.bytes for s in read_sources(table)) if table else stated.size if stated else 0


def _table(config: DatasetConfig) -> Path | None:
    return Path(config.archive.sources) if config.archive and config.archive.sources else None


def _public(config: DatasetConfig) -> PublicFile | None:
    """The public file that is the whole archive, unless DVC states another archive."""
    public, stated = config.archive.download if config.archive else None, versioning.stated(config.name)
    return public if public and (not stated or stated.md5 == _archive_md5(public)) else None


def _archive_md5(public: PublicFile) -> str:
    """The hash that DVC states of an archive that consists of this file alone."""
    return Tree({public.name: (public.md5, 0)}).md5
