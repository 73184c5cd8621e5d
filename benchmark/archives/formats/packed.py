"""Files of an archive, in a folder or packed in a tar or zip file.

fsspec reads the members of a packed archive in place, without unpacking it. The checks of an archive are our own:
fsspec follows links, and accepts truncated tar files, paths that leave the archive, and two members of one name.
"""

import hashlib
import re
import shlex
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from fsspec.archive import AbstractArchiveFileSystem
from fsspec.implementations.tar import TarFileSystem
from fsspec.implementations.zip import ZipFileSystem

from benchmark.runtime.errors import DataError

COPY_AGAIN = "Copy or download it again"
"""For a file that a transfer damaged."""
TAKE_ORIGINAL = "Put the original file in its place, or exclude the subject in the dataset's config"
"""For a file that was written like that."""
_UNPACK = "Unpack it, and put the folder in its place"
TAR_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_TAR, _ZIP = (".tar", *TAR_COMPRESSED), (".zip",)
# First bytes of a compressed file, the suffix of its name, and the command that uncompresses it.
_UNCOMPRESSORS = {b"\x1f\x8b": (".gz", "gunzip"), b"BZh": (".bz2", "bunzip2"), b"\xfd7zXZ": (".xz", "unxz")}
# zipfile cannot read Deflate64, which Windows writes for large files.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_BLOCK = 1 << 20  # bytes


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
        """Identifies the content, independently of the rest of the archive.

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
    return path.name.lower().endswith(_TAR + _ZIP)


@contextmanager
def permitted(path: ArchivePath) -> Iterator[None]:
    """Reports a file or folder without read permission as such, not as damaged.

    Raises:
        DataError: it may not be read; names ``path`` if the error does not name a file.
    """
    try:
        yield
    except PermissionError as error:
        raise DataError(error.filename or path, "may not be read", "Correct the permissions") from None


def open_packed(path: Path) -> Member:
    """The top of a packed archive.

    Raises:
        DataError: no read permission; damaged, truncated or encrypted; a compressed tar file; two members of one name;
            a member whose path leaves the archive, or one that is neither a file nor a folder.
    """
    with permitted(path):
        status = path.stat()
        return _open(path, status.st_mtime_ns, status.st_size)


@cache
def _open(path: Path, _modified: int, _size: int) -> Member:
    """Keeps an archive open, with the index of its members, until the file changes."""
    try:
        return Member(path, _open_zip(path) if path.name.lower().endswith(_ZIP) else _open_tar(path))
    except PermissionError:
        raise
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(path, "is damaged or truncated", COPY_AGAIN) from error
    except NotImplementedError as error:
        raise DataError(path, "is packed in a way that is not known", _UNPACK) from error


def check_file(path: ArchivePath) -> None:
    """Checks that there is a file.

    Raises:
        DataError: there is nothing, a folder, or a broken link.
    """
    if path.is_file():
        return
    if path.is_dir():
        raise DataError(path, "is a folder, where a file belongs", "Put the file itself in its place")
    if isinstance(path, Path) and path.is_symlink():
        # The message leaves out the target: a path of another machine may contain a person's name.
        raise DataError(path, "is a broken link", "Put the file itself in its place")
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
    members = files.zip.infolist()
    _check_names(path, [m.filename for m in members])
    for member in members:
        if member.flag_bits & 1:
            raise DataError(path, "is encrypted", "Unpack it with its password, and put the folder in its place")
        if member.compress_type not in _COMPRESSIONS:
            fault = f"holds {member.filename}, whose compression method {member.compress_type} is not known"
            raise DataError(path, fault, _UNPACK)
        if "\\" in member.filename:
            fault = f"has backslashes between its folders, as some programs of Windows pack: '{member.filename}'"
            raise DataError(path, fault, f"{_UNPACK}, or pack that again with another program, one that writes slashes")
    return files


def _open_tar(path: Path) -> TarFileSystem:
    _check_uncompressed(path)
    file: Any = path.open("rb")
    file.original = "plain.tar"  # fsspec would expect compression if the name said so
    files = TarFileSystem(file)
    members = files.tar.getmembers()
    _check_end(path, members)
    _check_names(path, [m.name for m in members if not m.isdir()])
    if other := next((m for m in members if not (m.isreg() or m.isdir())), None):
        raise DataError(f"{path}/{other.name}", "is neither a file nor a folder", _UNPACK)
    # fsspec does not take './name' for 'name'.
    plain = {name: str(PurePosixPath(name)) for name in files.index}
    files.index = {plain[n]: ({**info, "name": plain[n]}, *rest) for n, (info, *rest) in files.index.items()}
    files.index.pop(".", None)
    return files


def _check_uncompressed(path: Path) -> None:
    """Refuses a compressed tar file, in which reading an image means to uncompress all that precedes it."""
    with path.open("rb") as file:
        start = file.read(max(map(len, _UNCOMPRESSORS)))
    for magic, (suffix, command) in _UNCOMPRESSORS.items():
        if start.startswith(magic):
            compressed = path.name.lower().endswith(TAR_COMPRESSED)
            name = path.name if compressed else f"{path.name}{suffix}"
            rename = "" if compressed else f"Rename it to {name}. "
            fault = "is a compressed tar file, and only a plain one is read"
            raise DataError(path, fault, f"{rename}Uncompress it: {command} {shlex.quote(name)}")


def _check_end(path: Path, members: list[tarfile.TarInfo]) -> None:
    """Finds what tarfile ignores: an archive that ends between two members, or before a damaged one."""
    last = max(members, key=lambda m: m.offset_data, default=None)
    end = last.offset_data + -(-last.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE if last else 0
    if path.stat().st_size < end + tarfile.BLOCKSIZE:
        raise EOFError("it has no end")
    with path.open("rb") as file:
        file.seek(end)
        while block := file.read(_BLOCK):
            if block.strip(b"\0"):
                raise EOFError(f"what follows {last.name if last else 'its beginning'} is no member")


def _check_names(path: Path, names: list[str]) -> None:
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or name.startswith(("/", "\\")) or re.fullmatch("[A-Za-z]:", parts[0] if parts else ""):
            remedy = "Do not use it: get the owner's own file"
            # The message leaves out the path, which may contain a person's name.
            raise DataError(path, "holds a path that leaves the archive", remedy)
    # './name' is 'name'.
    name, times = Counter(str(PurePosixPath(name)) for name in names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise DataError(path, f"holds {name} {times} times", _UNPACK)
