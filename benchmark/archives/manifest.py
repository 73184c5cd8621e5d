"""Files of an archive with their hashes, and the hash that DVC computes from them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmark.archives.formats.packed import ArchivePath
from benchmark.archives.subject import Subject
from benchmark.config.dataset import DatasetConfig
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically, write_private
from benchmark.runtime.errors import DataError, remedy_damaged, remedy_missing


@dataclass(frozen=True)
class Tree:
    """MD5 hash and size in bytes of the files of a folder, sorted by path."""

    files: dict[str, tuple[str, int]]

    @classmethod
    def of(cls, folder: Path) -> "Tree":
        """Hashes all files of a folder except unfinished downloads; empty if there is no folder."""
        found = (p for p in folder.rglob("*") if p.is_file() and not p.name.endswith(paths.UNFINISHED))
        names = sorted(p.relative_to(folder).as_posix() for p in found)
        return cls({name: (_md5(folder / name), (folder / name).stat().st_size) for name in names})

    @property
    def md5(self) -> str:
        """The hash that DVC states for the whole folder."""
        entries = sorted(
            ({"md5": md5, "relpath": name} for name, (md5, _) in self.files.items()), key=lambda e: e["relpath"]
        )
        return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"

    def only(self, names: Iterable[str]) -> "Tree":
        """The tree of ``names`` alone."""
        return Tree({name: self.files[name] for name in sorted(names)})


def write_manifest(config: DatasetConfig, pin: str, tree: Tree) -> None:
    """Writes the manifest, unless it has this content already: Snakemake compares its time.

    If subjects have pseudonyms, file names go to ``data/private`` alone.
    """
    body = {
        "dataset": config.name,
        "md5": pin,
        "nfiles": len(tree.files),
        "size": sum(size for _, size in tree.files.values()),
    }
    full = _json({**body, "files": {name: md5 for name, (md5, _) in tree.files.items()}})
    public = full
    if config.pseudonyms:
        write_private(paths.private_manifest(config.name), full)
        public = _json({**body, "files_sha256": hashlib.sha256(full.encode()).hexdigest()})
    path = paths.manifest(config.name)
    if path.is_file() and path.read_text(encoding="utf-8") == public:
        return
    write_atomically(path, public)


def _json(body: object) -> str:
    return json.dumps(body, indent=1) + "\n"


@dataclass(frozen=True)
class Manifest:
    """A verified archive.

    Attributes:
        md5: of the whole archive, as DVC states it; empty if it states none.
        files: MD5 hash by path below its folder.
        size: total size in bytes.
    """

    dataset: str
    md5: str
    files: dict[str, str]
    size: int

    @classmethod
    def read(cls, config: DatasetConfig) -> "Manifest":
        """The manifest that ``fetch`` wrote.

        Raises:
            DataError: missing or damaged.
        """
        made = paths.manifest(config.name)
        path = paths.private_manifest(config.name) if config.pseudonyms else made
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            files = {str(name): str(md5) for name, md5 in body["files"].items()}
            return cls(config.name, str(body["md5"]), files, int(body["size"]))
        except FileNotFoundError:
            remedy = remedy_damaged(made, made) if made.exists() else remedy_missing(made)
            raise DataError(path, "is missing", remedy) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(path, "is damaged", remedy_damaged(made, made)) from None

    def check_sizes(self) -> None:
        """Compares the total size, which needs no reading.

        Raises:
            DataError: a file is gone, or the total size differs.
        """
        root = paths.raw(self.dataset)
        for name in self.files:
            if not (root / name).is_file():
                raise self._changed(root / name, "is gone since the archive was verified")
        size = sum((root / name).stat().st_size for name in self.files)
        if size != self.size:
            raise self._changed(root, f"holds {size} bytes, and held {self.size} when it was verified")

    def check(self, subject: Subject) -> None:
        """Compares the files of a subject with the manifest.

        Files are compared by hash. Of a packed archive, which each subject would have to read entirely, only the size
        is compared; its members have their own checksums.

        Raises:
            DataError: a file was changed since the archive was verified, or did not exist.
        """
        for file in subject.all_files:
            if not isinstance(file, Path):
                self.check_sizes()
            elif _md5(file) != self._stated(file):
                raise self._changed(file, "was changed after the archive was verified")

    def checksums(self, subject: Subject) -> dict[str, str]:
        """Checksum of each file of a subject, by name.

        They are the manifest's or, of members of a packed archive, their own (:meth:`Member.checksum`), since the hash
        of the packed file changes with any subject.

        Raises:
            DataError: a file did not exist when the archive was verified.
        """
        return {
            self._name(file): self._stated(file) if isinstance(file, Path) else file.checksum()
            for file in subject.all_files
        }

    def _stated(self, file: Path) -> str:
        stated = self.files.get(self._name(file))
        if stated is None:
            raise self._changed(file, "did not exist when the archive was verified")
        return stated

    def _name(self, file: ArchivePath) -> str:
        """Path below the archive's folder."""
        return Path(str(file)).relative_to(paths.raw(self.dataset)).as_posix()

    def _changed(self, thing: Path, fault: str) -> DataError:
        return DataError(
            thing,
            fault,
            f"Delete {paths.manifest(self.dataset)} and run snakemake, which restores the archive or says how to "
            "accept it as it is",
        )


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
