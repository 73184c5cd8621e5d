"""A file's length is compared with its header without unpacking it, and no good file is refused for it."""

import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from archives import NO_FILE, noise, retouch_volume, said_of_no_file, save

from benchmark.archives.formats import metaimage, nifti
from benchmark.archives.formats.nifti import read_header, read_volume
from benchmark.archives.formats.packed import open_packed
from benchmark.runtime.errors import DataError


def content(path: Path) -> bytes:
    """An uncompressed NIfTI file's."""
    return save(path.with_name("plain.nii"), noise()).read_bytes()


def several_members(whole: bytes) -> bytes:
    """As parallel compressors write it, with an empty member at the end."""
    return b"".join(gzip.compress(part) for part in (whole[:200], whole[200:], b""))


GOOD = {
    "one member": gzip.compress,
    "several members": several_members,
    "zeros at the end": lambda whole: gzip.compress(whole) + bytes(100),
    "padded voxels": lambda whole: gzip.compress(whole + bytes(10)),
}


@pytest.mark.parametrize("packing", GOOD)
def test_a_good_gzip_file_is_read(tmp_path, packing):
    path = tmp_path / "x.nii.gz"
    path.write_bytes(GOOD[packing](content(path)))
    assert read_header(path).shape == (6, 7, 8)
    np.testing.assert_array_equal(read_volume(path).data, noise())


def unpacked(monkeypatch) -> list[int]:
    """How many bytes each reading of a file will have unpacked."""
    read, original = [], nifti._content

    def content_of(path, most=np.inf):
        found = original(path, most)
        read.append(len(found))
        return found

    monkeypatch.setattr(nifti, "_content", content_of)
    return read


@pytest.mark.parametrize("behind", [b"", b"\0" * 100, b"signature", b"\x1f"])
@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_file_is_its_content_says_and_not_its_name(tmp_path, name, packed, behind):
    """As for gunzip, what follows the compressed part does not count."""
    whole = content(tmp_path / "y.nii.gz")
    (tmp_path / name).write_bytes((gzip.compress(whole) + behind) if packed else whole)
    assert read_header(tmp_path / name).shape == (6, 7, 8)
    np.testing.assert_array_equal(read_volume(tmp_path / name).data, noise())


@pytest.mark.parametrize("start", nifti._OTHERS)
def test_other_files_under_the_name_of_an_image(tmp_path, start):
    (tmp_path / "x.nii.gz").write_bytes(start + bytes(400))
    with pytest.raises(DataError, match=rf"x.nii.gz: is .*{nifti._OTHERS[start][0]}, and no NIfTI file"):
        read_header(tmp_path / "x.nii.gz")


def test_axes_of_one_voxel_are_dropped(tmp_path):
    for shape in ((6, 7, 8, 1), (6, 7, 8, 1, 1)):
        path = save(tmp_path / "x.nii.gz", noise().reshape(shape))
        assert read_header(path).shape == (6, 7, 8)
        np.testing.assert_array_equal(read_volume(path).data, noise())
    with pytest.raises(DataError, match="is 6 x 7 x 8 x 2, not a 3-D volume"):
        read_header(save(tmp_path / "x.nii.gz", np.zeros((6, 7, 8, 2))))


def test_a_good_gzip_file_is_not_unpacked_for_its_header(tmp_path, monkeypatch):
    path = save(tmp_path / "x.nii.gz", noise((60, 60, 60)))
    read = unpacked(monkeypatch)
    read_header(path)
    assert sum(read) == 348


def test_a_file_that_unpacks_to_gigabytes_is_not_unpacked_to_its_end(tmp_path, monkeypatch):
    path = tmp_path / "x.nii.gz"
    whole = content(path)
    path.write_bytes(gzip.compress(whole + bytes(30 << 20)))
    read = unpacked(monkeypatch)
    with pytest.raises(DataError, match="holds more voxels than the 6 x 7 x 8 that its header states"):
        read_header(path)
    assert sum(read) < 2 << 20


@pytest.mark.parametrize(
    ("change", "said"), [(-1, "it holds 1023 bytes, and its header states 1024"), (84, "holds more")]
)
def test_files_without_compression(tmp_path, change, said):
    path = tmp_path / "x.nii"
    whole = content(path)
    path.write_bytes((whole + bytes(84))[: len(whole) + change])
    for read in (read_header, read_volume):
        with pytest.raises(DataError, match=said):
            read(path)


def test_truncated_before_it_was_packed(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.nii.gz", gzip.compress(content(tmp_path / "x"))[:-30])
    with pytest.raises(DataError, match=r"x\.zip/x\.nii\.gz: is damaged or truncated"):
        read_header(open_packed(tmp_path / "x.zip") / "x.nii.gz")


def header_of(path: Path, **fields: object) -> Path:
    """An uncompressed file whose header was changed."""
    whole = content(path)
    changed = nib.Nifti1Header(whole[:348])
    for key, value in fields.items():
        changed[key] = value
    path.write_bytes(changed.binaryblock + whole[348:])
    return path


CUSTOMARY = [{"scl_slope": np.nan}, {"scl_slope": 0, "scl_inter": 3}, {"qform_code": 7}]
DAMAGED = [{"datatype": 777}, {"magic": b"xx"}, {"vox_offset": 5}]


@pytest.mark.parametrize("fields", CUSTOMARY)
def test_what_is_customary_in_headers_is_no_fault(tmp_path, fields):
    path = header_of(tmp_path / "x.nii", **fields)
    assert read_header(path).shape == (6, 7, 8)
    np.testing.assert_array_equal(read_volume(path).data, noise())


@pytest.mark.parametrize("fields", DAMAGED)
def test_damaged_nifti_headers(tmp_path, fields):
    with pytest.raises(DataError, match="is no readable NIfTI file"):
        read_header(header_of(tmp_path / "x.nii", **fields))


def test_nothing_is_said_of_nifti_headers_but_the_fault(tmp_path):
    """In a process of its own: nibabel says it where standard error was when it was imported."""
    for number, fields in enumerate([*CUSTOMARY, *DAMAGED]):
        header_of(tmp_path / f"{number}.nii", **fields)
    code = """if True:
        import sys
        from pathlib import Path
        from benchmark.archives.formats.nifti import read_header, read_volume
        from benchmark.runtime.errors import DataError
        for path in Path(sys.argv[1]).glob("[0-9].nii"):
            for read in (read_header, read_volume):
                try:
                    print(read(path).affine[0, 0])
                except DataError as fault:
                    print(fault)
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 2 * len([*CUSTOMARY, *DAMAGED])
    assert done.stderr == ""


@pytest.mark.parametrize("field", ["DimSize", "ElementType", "ElementDataFile"])
def test_a_damaged_metaimage_header_is_told_once(tmp_path, capfd, field):
    path = retouch_volume(tmp_path, "Cirrus", 1) / "oct.mhd"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith(field)))
    with pytest.raises(DataError, match=f"is no readable MetaImage header .it has no '{field}'"):
        metaimage.read_header(path)
    assert capfd.readouterr() == ("", "")


def test_what_is_no_file_is_not_called_missing(tmp_path):
    path = tmp_path / "x.nii.gz"
    assert said_of_no_file(path, lambda: read_header(path)) == NO_FILE
