"""Files of an archive, whether it lies unpacked in a folder or packed in a tar or zip file.

Both look alike (``importlib.resources.abc.Traversable``): a ``Path``, Python's own ``zipfile.Path``, and
:class:`TarPlace`. Nothing is unpacked: members are read where they lie in the packed file.
"""

import hashlib
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import IO, Any

from benchmark.runtime.errors import DataError

Place = Traversable
"""A file or folder of an archive; as a string it names the packed file and the member."""
COPY_AGAIN = "Copy or download it again"
_UNPACK = "Unpack it, and put the folder in its place"
TAR_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_TAR, _ZIP = (".tar", *TAR_COMPRESSED), (".zip",)
# How a compressed file begins, the ending of its name, and what uncompresses it.
_UNCOMPRESSORS = {b"\x1f\x8b": (".gz", "gunzip"), b"BZh": (".bz2", "bunzip2"), b"\xfd7zXZ": (".xz", "unxz")}
# Deflate64, which Windows writes for large files, is none of them.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_BLOCK = 1 << 20  # bytes


def packed(path: Path) -> bool:
    """Whether the file's name is that of a tar or zip file."""
    return path.name.lower().endswith(_TAR + _ZIP)


@contextmanager
def permitted(place: Place) -> Iterator[None]:
    """Says of a file that may not be read no more than that: it may be whole, and a copy may not be read either.

    Raises:
        DataError: a file or folder may not be read; ``place``, unless it is known to be another.
    """
    try:
        yield
    except PermissionError as error:
        raise DataError(error.filename or place, "may not be read", "Correct the permissions") from None


def opened(path: Path) -> Place:
    """The top of a packed archive.

    Raises:
        DataError: it may not be read; damaged or truncated, encrypted, a compressed tar file, two members of one name,
            a member whose path leaves the folder, or one that is neither file nor folder.
    """
    # Kept open, with the index of its members, for as long as it is the same file.
    with permitted(path):
        status = path.stat()
        return _opened(path, status.st_mtime_ns, status.st_size)


@cache
def _opened(path: Path, _changed: int, _size: int) -> Place:
    try:
        return _zip(path) if path.name.lower().endswith(_ZIP) else _tar(path)
    except PermissionError:
        raise  # an OSError, and no damage
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(path, f"is damaged or truncated ({' '.join(str(error).split())})", COPY_AGAIN) from None
    except NotImplementedError as error:
        raise DataError(path, f"cannot be read ({error})", _UNPACK) from None


def check_file(place: Place) -> None:
    """Refuses what is no file.

    Raises:
        DataError: nothing is there, or a folder, or a link that leads nowhere.
    """
    if place.is_file():
        return
    if place.is_dir():
        raise DataError(place, "is a folder, where a file belongs", "Put the file itself in its place")
    if isinstance(place, Path) and place.is_symlink():
        # Not where it leads: a path of another machine can have somebody's name in it.
        raise DataError(place, "is a link to a file that is not there", "Put the file itself in its place")
    raise DataError(place, "is missing", "Get the whole archive")


def file_size(place: Place) -> int:
    """Bytes of a file, unpacked."""
    if isinstance(place, Path):
        return place.stat().st_size
    if isinstance(place, zipfile.Path):
        return place.root.getinfo(place.at).file_size
    if isinstance(place, TarPlace):
        return place.size
    raise TypeError(f"{type(place).__name__} is no place")


def member_checksum(place: Place) -> str:
    """What identifies the content of a packed file, however the rest of its archive changes.

    Of a zip file's member that is the CRC-32 which the archive states (and which is checked whenever it is read) with
    its size: nothing is unpacked. A tar file states no checksum of a member's content: its bytes are read and hashed.
    """
    if isinstance(place, zipfile.Path):
        member = place.root.getinfo(place.at)
        return f"crc32 {member.CRC:08x}, {member.file_size} bytes"
    with place.open("rb") as file:
        return f"md5 {hashlib.file_digest(file, 'md5').hexdigest()}"  # type: ignore[arg-type]


def sibling(place: Place, name: str) -> Place:
    """Another file of the same folder."""
    parent: Any = place
    found: Place = parent.parent / name
    return found


def _zip(path: Path) -> Place:
    archive = zipfile.ZipFile(path)
    members = archive.infolist()
    _check_names(path, (m.filename for m in members))
    if any(m.flag_bits & 1 for m in members):
        raise DataError(path, "is encrypted", "Unpack it with its password, and put the folder in its place")
    if odd := next((m for m in members if m.compress_type not in _COMPRESSIONS), None):
        raise DataError(
            path, f"holds {odd.filename}, whose compression method {odd.compress_type} is not known", _UNPACK
        )
    if odd := next((m for m in members if "\\" in m.filename), None):
        fault = f"has backslashes between its folders, as some programs of Windows pack: '{odd.filename}'"
        raise DataError(path, fault, f"{_UNPACK}, or pack that again with another program, one that writes slashes")
    return _ZipPlace(archive)


class _ZipPlace(zipfile.Path):
    """A file or folder in a zip file, whose name has no slash behind it."""

    def __str__(self) -> str:
        return super().__str__().removesuffix("/")


def _tar(path: Path) -> Place:
    _check_uncompressed(path)
    archive = tarfile.open(path, "r:")  # noqa: SIM115  stays open as long as places in it are used
    members = archive.getmembers()
    _check_end(path, members)
    _check_names(path, (m.name for m in members if not m.isdir()))
    files = {}
    for member in members:
        if not (member.isreg() or member.isdir()):
            raise DataError(f"{path}/{member.name}", "is neither a file nor a folder", COPY_AGAIN)
        if member.isreg():
            files[PurePosixPath(member.name)] = member
    return TarPlace(_Tar(path, archive, files), PurePosixPath())


def _check_uncompressed(path: Path) -> None:
    """To read one image of a compressed tar file, all that comes before it must be uncompressed, every time."""
    with path.open("rb") as file:
        begins = file.read(max(map(len, _UNCOMPRESSORS)))
    for magic, (ending, command) in _UNCOMPRESSORS.items():
        if begins.startswith(magic):
            compressed = path.name.lower().endswith(TAR_COMPRESSED)
            name = path.name if compressed else f"{path.name}{ending}"
            renamed = "" if compressed else f"Rename it to {name}. "
            fault = "is a compressed tar file, and only a plain one is read"
            raise DataError(path, fault, f"{renamed}Uncompress it: {command} {name}")


def _check_end(path: Path, members: list[tarfile.TarInfo]) -> None:
    """tarfile takes an archive that ends between two members, or before a damaged one, for a whole one."""
    last = max(members, key=lambda m: m.offset_data, default=None)
    end = last.offset_data + -(-last.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE if last else 0
    if path.stat().st_size < end + tarfile.BLOCKSIZE:
        raise EOFError("it has no end")
    with path.open("rb") as file:
        file.seek(end)
        while block := file.read(_BLOCK):
            if block.strip(b"\0"):
                raise EOFError(f"what follows {last.name if last else 'its beginning'} is no member")


def _check_names(path: Path, names: Iterable[str]) -> None:
    names = list(names)
    # './name' is 'name'.
    count = Counter(str(PurePosixPath(name)) for name in names)
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or name.startswith(("/", "\\")) or (parts and parts[0].endswith(":")):
            raise DataError(
                path, f"holds '{name}', a path that leaves the archive", "Do not use it: get the owner's own file"
            )
    if twice := next((name for name, times in count.items() if times > 1), None):
        raise DataError(path, f"holds {twice} {count[twice]} times", COPY_AGAIN)


@dataclass(frozen=True, eq=False)
class _Tar:
    path: Path
    archive: tarfile.TarFile
    files: Mapping[PurePosixPath, tarfile.TarInfo]
    children: dict[PurePosixPath, list[PurePosixPath]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.children[PurePosixPath()] = []
        for file in self.files:
            for name in (file, *file.parents):
                if name != PurePosixPath() and name not in self.children.setdefault(name.parent, []):
                    self.children[name.parent].append(name)


@dataclass(frozen=True)
class TarPlace(Traversable):
    """A file or folder in a tar file."""

    tar: _Tar
    at: PurePosixPath

    @property
    def name(self) -> str:
        return self.at.name or self.tar.path.name

    @property
    def parent(self) -> "TarPlace":
        return TarPlace(self.tar, self.at.parent)

    @property
    def size(self) -> int:
        return self.tar.files[self.at].size

    def __str__(self) -> str:
        return f"{self.tar.path}/{self.at}" if self.at.name else str(self.tar.path)

    def is_dir(self) -> bool:
        return self.at in self.tar.children

    def is_file(self) -> bool:
        return self.at in self.tar.files

    def iterdir(self) -> Iterator["TarPlace"]:
        return (TarPlace(self.tar, name) for name in self.tar.children[self.at])

    def joinpath(self, *descendants: Any) -> "TarPlace":
        return TarPlace(self.tar, self.at.joinpath(*descendants))

    def __truediv__(self, child: Any) -> "TarPlace":
        return self.joinpath(child)

    def open(self, mode: str = "rb", *args: Any, **kwargs: Any) -> IO[bytes]:  # type: ignore[override]
        if mode != "rb":
            raise ValueError("members are read, in binary")
        if not self.is_file():
            raise FileNotFoundError(str(self))
        stream = self.tar.archive.extractfile(self.tar.files[self.at])
        assert stream is not None  # it is a regular file
        return stream

    def read_bytes(self) -> bytes:
        with self.open() as stream:
            return stream.read()

    def read_text(self, encoding: str | None = None) -> str:
        return self.read_bytes().decode(encoding or "utf-8")
