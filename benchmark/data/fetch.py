"""Makes an archive present and verified: pulled, generated, or downloaded, whichever is possible, in this order."""

import shutil
from pathlib import Path

from benchmark import layout
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data import versioning
from benchmark.data.discreet import discreet
from benchmark.data.download import complete, download, read_sources
from benchmark.data.manifest import Tree, write_manifest
from benchmark.errors import DataError


def pin(dataset: str) -> str:
    """The hash that DVC states for the archive, or an empty string where it tracks none yet."""
    stated = versioning.stated(dataset)
    return stated.md5 if stated else ""


def fetch(dataset: str) -> None:
    """Makes the archive present and verified, and writes its manifest when that changes.

    An archive with a table of public sources is verified by the table: notices that a DVC remote keeps beside the
    data are not in it, and the manifest is the same with and without them.

    Raises:
        DataError: it cannot be had, with who gives it out, under what terms and where to put it; or it is not what
            DVC states; or there is no room for it.
    """
    config = load_dataset(dataset)
    with discreet(config):
        tree = _verified(config)
        if tree is None:
            _obtain(config)
            tree = _verified(config)
        if tree is None:
            raise DataError(
                layout.raw(dataset),
                f"is not what {versioning.pointer(dataset)} states",
                f"To have it as it was: dvc checkout {layout.raw(dataset)}; to accept it as it is: dvc commit",
            )
        write_manifest(config, pin(dataset), tree)


def _verified(config: DatasetConfig) -> Tree | None:
    """The archive's files, if they are there and as stated."""
    tree, table = Tree.of(layout.raw(config.name)), _table(config)
    if table:
        sources = read_sources(table)
        return tree.only(s.file for s in sources) if complete(sources, layout.raw(config.name)) else None
    return tree if tree.files and tree.md5 == pin(config.name) else None


def _obtain(config: DatasetConfig) -> None:
    folder, table, stage = layout.raw(config.name), _table(config), versioning.stage_of(config.name)
    _check_room(config)
    refusal = _pulled(config, replaceable=bool(table or stage))
    if refusal is None:
        return
    if stage:
        _generate(config.name, stage)
    elif table:
        print(f"{folder}: downloading from {config.archive.url if config.archive else table}")
        download(read_sources(table), folder)
    else:
        raise refusal
    if config.archive:
        print(f"{folder}: {config.archive.owner}. Terms: {config.archive.terms}")


def _pulled(config: DatasetConfig, *, replaceable: bool) -> DataError | None:
    """Pulls the archive; returns why that was not possible.

    Args:
        replaceable: a damaged copy may be overwritten, because it can be had again.
    """
    folder = layout.raw(config.name)
    if not pin(config.name):
        return absent(config)
    if folder.is_dir() and not replaceable:
        return None  # there, but not as stated: that is for the user to decide
    if not versioning.configure_remote():
        return absent(config)
    try:
        versioning.call("pull", *(["--force"] if replaceable else []), str(folder))
    except DataError as error:
        if replaceable:
            print(f"{folder}: {_why_not_pulled(error)}; it is made again and checked against the stated hash.")
        return error
    return None


def _why_not_pulled(error: DataError) -> str:
    """A remote need not hold what can be had again: that is no fault, and is not told as one."""
    if versioning.NOT_HELD in error.fault:
        return "the DVC remote does not hold it"
    return f"it could not be pulled from the DVC remote ({error.fault})"


def _generate(dataset: str, stage: str) -> None:
    """Runs the stage; what it makes must be what ``dvc.lock`` states.

    Raises:
        DataError: it is not. ``dvc.lock`` is left as it was.
    """
    expected, lock = pin(dataset), versioning.LOCK
    before = lock.read_bytes() if lock.is_file() else None
    versioning.call("repro", stage)
    if expected and before is not None and pin(dataset) != expected:
        generated = pin(dataset)
        lock.write_bytes(before)
        raise DataError(
            layout.raw(dataset),
            f"was generated with the hash {generated}, and {lock} states {expected}",
            f"If its code was changed on purpose, run 'dvc repro {stage}' and commit {lock}; "
            "otherwise install the versions of requirements.lock, or pull it from a remote",
        )


def absent(config: DatasetConfig, folder: Path | None = None) -> DataError:
    """Who gives an archive out that is not there, under what terms, where to put it, and how to check and track it.

    Args:
        folder: where it was looked for; by default where it belongs.
    """
    folder, archive = folder or layout.raw(config.name), config.archive
    if stage := versioning.stage_of(config.name):
        return DataError(folder, "is not generated yet", f"Run 'dvc repro {stage}', or a benchmark that has it")
    if archive is None:
        return DataError(
            folder,
            f"is absent, and no stage of {versioning.PIPELINE} generates it",
            f"Add a stage with this folder as its output, or an 'archive' to config/datasets/{config.name}.yaml",
        )
    if pin(config.name):
        fault, remedy = (
            "is absent, and no DVC remote is configured",
            "dvc remote add --local --default NAME WHERE; or: ",
        )
    elif folder.is_dir():
        return DataError(folder, "is there, but not tracked", f"Check and track it: hbench data track {config.name}")
    else:
        fault, remedy = "is absent", ""
    return DataError(
        folder,
        fault,
        f"{remedy}{config.title} is given out by {archive.owner}, terms: {archive.terms} ({archive.url}). "
        f"Put {archive.contents} into {layout.raw(config.name)}, then check and track it: "
        f"hbench data track {config.name}",
    )


def _check_room(config: DatasetConfig) -> None:
    table = _table(config)
    stated = versioning.stated(config.name)
    needed = sum(s.bytes for s in read_sources(table)) if table else stated.size if stated else 0
    layout.RAW.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(layout.RAW).free
    if free < needed:
        raise DataError(
            layout.raw(config.name),
            f"needs {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free",
            "Free some space; what was finished is kept, so run it again",
        )


def _table(config: DatasetConfig) -> Path | None:
    return Path(config.archive.sources) if config.archive and config.archive.sources else None
