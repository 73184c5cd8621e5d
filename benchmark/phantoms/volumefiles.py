"""NIfTI (gzip) and MetaImage files whose bytes depend on their content only."""

import struct
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt

# Versions of zlib, and zlib-ng, compress the same data to different bytes. Here, runs of zeros, which are most of a
# brain-extracted volume, become repetitions, and the rest is stored; every gzip reader reads that (RFC 1951, 1952).
_SHORTEST_RUN = 1024  # bytes; a shorter run is not worth its block
_LONGEST_STORED = 65535
_LONGEST_MATCH = 258
_GZIP_HEADER = b"\x1f\x8b\x08\x00" + b"\x00" * 4 + b"\x00\xff"  # no name, no time, unknown system
_EMPTY_LAST_BLOCK = b"\x01\x00\x00\xff\xff"

_META_TYPES = {"uint8": "MET_UCHAR", "uint16": "MET_USHORT"}


def _bits(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8) - ord("0")


# One block with fixed Huffman codes: not the last (0), type 1 (10, low bit first), the literal 0; matches of 258 bytes
# at distance 1; the end of the block; three zero bits, the header of the next, stored block.
_RUN_START, _RUN_MATCH, _RUN_END = _bits("010" + "00110000"), _bits("11000101" + "00000"), _bits("0000000" + "000")


def _zero_run(matches: int) -> bytes:
    bits = np.concatenate([_RUN_START, np.tile(_RUN_MATCH, matches), _RUN_END])
    return np.packbits(bits, bitorder="little").tobytes()


def _stored(data: bytes, *, headed: bool) -> bytes:
    """Stored blocks. With ``headed``, the header bits of the first one are already written."""
    parts = []
    for start in range(0, max(len(data), 1), _LONGEST_STORED):
        piece = data[start : start + _LONGEST_STORED]
        header = b"" if headed and start == 0 else b"\x00"
        parts.append(header + struct.pack("<HH", len(piece), len(piece) ^ 0xFFFF) + piece)
    return b"".join(parts)


def gzip_bytes(data: bytes) -> bytes:
    """``data`` as a gzip file, with the same bytes for every library version."""
    is_zero = np.frombuffer(data, dtype=np.uint8) == 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_zero, [False]]).astype(np.int8)))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    long = lengths >= _SHORTEST_RUN
    parts, written, headed = [_GZIP_HEADER], 0, False
    for start, length in zip(starts[long].tolist(), lengths[long].tolist(), strict=True):
        parts.append(_stored(data[written:start], headed=headed))
        matches = (length - 1) // _LONGEST_MATCH
        parts.append(_zero_run(matches))
        written, headed = start + 1 + matches * _LONGEST_MATCH, True
    parts.append(_stored(data[written:], headed=headed))
    trailer = struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return b"".join([*parts, _EMPTY_LAST_BLOCK, trailer])


def write_nifti(
    path: Path, data: npt.NDArray[np.generic], affine: list[list[float]], spacing: tuple[float, float, float]
) -> None:
    """Writes ``data`` with the 3x4 ``affine`` (voxel indices to RAS mm) as its sform.

    The qform stays unset, because nibabel computes its quaternion by a singular value decomposition, whose last bits
    depend on the machine.
    """
    header = nib.Nifti1Header()
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    header.set_zooms(spacing)
    header.set_xyzt_units("mm")
    header.set_sform(np.array([*affine, [0.0, 0.0, 0.0, 1.0]]), code="scanner")
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    no_extensions = b"\x00" * 4
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip_bytes(header.binaryblock + no_extensions + data.tobytes(order="F")))


def write_metaimage(
    path: Path,
    data: npt.NDArray[np.generic],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
) -> None:
    """Writes ``data``, of shape (z, y, x), to ``path`` (.mhd) and a .raw file; spacing and origin in mm, x first."""
    raw = path.with_suffix(".raw")
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": " ".join(repr(value) for value in origin),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": " ".join(repr(value) for value in spacing),
        "DimSize": " ".join(str(size) for size in reversed(data.shape)),
        "ElementType": _META_TYPES[data.dtype.name],
        "ElementDataFile": raw.name,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()), encoding="ascii", newline="\n")
    raw.write_bytes(data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes())
