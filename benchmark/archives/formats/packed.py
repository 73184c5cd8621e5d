"""Files of an archive, in a folder or packed in a tar or zip file.

fsspec reads the members of a packed archive in place, without unpacking it.
"""

import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, cast

from fsspec.archive import AbstractArchiveFileSystem
from fsspec.implementations.tar import TarFileSystem
from fsspec.implementations.zip import ZipFileSystem

from benchmark.runtime.errors import DataError

COPY_AGAIN = "Copy or download it again"
UNCOMPRESS = {".gz": "gunzip", ".bz2": "bunzip2", ".xz": "unxz"}
"""Command that uncompresses a file, by the suffix of its name."""
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@dataclass(frozen=True)
class Member:
    """A file or folder in a packed archive, with the part of the interface of ``Path`` that readers need.

    Attributes:
        archive: the packed file.
        files: its members.
        path: of this one within the archive; empty for the top.
    """

    archive: Path
    files: AbstractArchiveFileSystem
    path: str = ""

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name or self.archive.name

    @property
    def parent(self) -> "Member":
        return Member(self.archive, self.files, self.path.rpartition("/")[0])

    def __truediv__(self, name: str) -> "Member":
        return Member(self.archive, self.files, f"{self.path}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return str(self.archive / self.path)

    def is_dir(self) -> bool:
        return not self.path or bool(self.files.isdir(self.path))

    def is_file(self) -> bool:
        return bool(self.files.isfile(self.path))

    def iterdir(self) -> Iterator["Member"]:
        return (Member(self.archive, self.files, path) for path in self.files.ls(self.path, detail=False))

    def open(self, mode: str = "rb") -> IO[bytes]:
        return cast(IO[bytes], self.files.open(self.path, mode))

    def read_bytes(self) -> bytes:
        with self.open() as file:
            return file.read()

    @property
    def size(self) -> int:
        """Bytes, uncompressed."""
        return int(self.files.size(self.path))

    def checksum(self) -> str:
        """Identifies the content, whatever else changes in the archive.

        For a zip file that is the CRC-32 that the archive states, and that is checked at each reading. A tar file
        states none, so the content is read and hashed.
        """
        info = self.files.info(self.path)
        if "CRC" in info:
            return f"crc32 {info['CRC']:08x}, {info['size']} bytes"
        with self.open() as file:
            return f"md5 {hashlib.file_digest(file, 'md5').hexdigest()}"  # type: ignore[arg-type]


ArchivePath = Path | Member
"""A file or folder of an archive; as a string, it names the packed file and the member."""


def is_packed(path: Path) -> bool:
    """Whether a file has the name of a tar or zip file."""
    return path.name.lower().endswith((".zip", ".tar", *(f".tar{suffix}" for suffix in UNCOMPRESS)))


def open_packed(path: Path) -> Member:
    """The top of a packed archive.

    Raises:
        DataError: damaged, truncated or encrypted; or a compressed tar file.
    """
    status = path.stat()
    return _open(path, status.st_mtime_ns, status.st_size)


@cache
def _open(path: Path, _modified: int, _size: int) -> Member:
    """Keeps an archive open, with the index of its members, until the file changes."""
    try:
        return Member(path, _open_zip(path) if path.name.lower().endswith(".zip") else _open_tar(path))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(path, f"is damaged or truncated ({' '.join(str(error).split())})", COPY_AGAIN) from None


def check_file(path: ArchivePath) -> None:
    """Raises DataError if there is no such file."""
    if not path.is_file():
        raise DataError(path, "is missing", "Get the whole archive")


def list_folder(folder: ArchivePath) -> list[ArchivePath]:
    """Entries of a folder, sorted by name."""
    entries: Iterator[ArchivePath] = folder.iterdir()
    return sorted(entries, key=lambda entry: entry.name)


def file_size(path: ArchivePath) -> int:
    """Bytes of a file, uncompressed."""
    return path.size if isinstance(path, Member) else path.stat().st_size


def _open_zip(path: Path) -> ZipFileSystem:
    files = ZipFileSystem(path.open("rb"))
    for member in files.zip.infolist():
        if member.flag_bits & 1:
            raise DataError(path, "is encrypted", "Unpack it with its password, and put the folder in its place")
        # zipfile cannot read Deflate64, which Windows writes for large files.
        if member.compress_type not in _COMPRESSIONS:
            fault = f"holds {member.filename}, whose compression method {member.compress_type} is not known"
            raise DataError(path, fault, "Unpack it, and put the folder in its place")
    return files


def _open_tar(path: Path) -> TarFileSystem:
    # Of a compressed tar file, reading an image means to uncompress all that precedes it.
    if command := UNCOMPRESS.get(path.suffix.lower()):
        fault = "is a compressed tar file, and only a plain one is read"
        raise DataError(path, fault, f"Uncompress it: {command} {path.name}")
    files = TarFileSystem(path.open("rb"))
    # fsspec does not take './name' for 'name'.
    plain = {name: str(PurePosixPath(name)) for name in files.index}
    files.index = {plain[n]: ({**info, "name": plain[n]}, *rest) for n, (info, *rest) in files.index.items()}
    files.index.pop(".", None)
    return files
