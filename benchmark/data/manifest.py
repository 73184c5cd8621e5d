"""What an archive consists of: the hash of every file, and the one hash that DVC makes of them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmark.whole import write_whole


@dataclass(frozen=True)
class Tree:
    """Files of a folder by their path below it, in order: md5 and size in bytes."""

    files: dict[str, tuple[str, int]]

    @classmethod
    def of(cls, folder: Path) -> "Tree":
        """Reads and hashes everything in the folder; empty where there is none."""
        paths = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        return cls({name: (_md5(folder / name), (folder / name).stat().st_size) for name in paths})

    @property
    def md5(self) -> str:
        """The hash that DVC states for the whole folder."""
        entries = sorted(
            ({"md5": md5, "relpath": name} for name, (md5, _) in self.files.items()), key=lambda e: e["relpath"]
        )
        return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"

    def only(self, names: Iterable[str]) -> "Tree":
        """The part of the tree that consists of ``names``."""
        return Tree({name: self.files[name] for name in sorted(names)})


def write_manifest(path: Path, dataset: str, pin: str, tree: Tree) -> None:
    """Writes the manifest, unless it is there with the same content: its time is what Snakemake looks at."""
    body = {
        "dataset": dataset,
        "md5": pin,
        "nfiles": len(tree.files),
        "size": sum(size for _, size in tree.files.values()),
        "files": {name: md5 for name, (md5, _) in tree.files.items()},
    }
    text = json.dumps(body, indent=1) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    write_whole(path, text)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
