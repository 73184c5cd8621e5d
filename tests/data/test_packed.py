"""Archives that are still packed are read as unpacked ones, and faults of packed files are reported."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from archives import ixi, msseg_patient, noise, retouch_volume, save, truncate

from benchmark.archives import readers
from benchmark.archives.formats.packed import file_size, open_packed
from benchmark.runtime.errors import DataError

NAMES = ["IXI012-HH-1211-T1", "IXI035-IOP-0873-T1", "IXI002-Guys-0828-T1"]


def unpacked_ixi(root: Path) -> Path:
    return ixi(root, NAMES)


def unpacked_msseg(root: Path) -> Path:
    for centre in ("01", "07", "08"):
        msseg_patient(root, centre, "01")
    return root


def unpacked_old_msseg(root: Path) -> Path:
    for patient in ("01016SACH", "07001MOEL"):
        patients = {part: root / part / "TrainingDataset_MSSEG" / patient for part in OLD}
        save(patients[OLD[0]] / "FLAIR_preprocessed.nii.gz", noise())
        save(patients[OLD[0]] / "Mask_registered.nii.gz", np.ones((6, 7, 8), np.uint8))
        save(patients[OLD[1]] / "Consensus.nii.gz", np.ones((6, 7, 8), np.uint8))
    return root


def unpacked_retouch(root: Path) -> Path:
    retouch_volume(root, "Cirrus", 1)
    retouch_volume(root, "Spectralis", 25)
    return root


OLD = ("Pre-processed training dataset", "Unprocessed training dataset")


def tar_flat(folder: Path, file: Path) -> None:
    """As IXI-T1.tar is: no folder in it."""
    with tarfile.open(file, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)


def tar_folder(folder: Path, file: Path) -> None:
    with tarfile.open(file, "w") as archive:
        archive.add(folder, folder.name)


def zip_folder(folder: Path, file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder.parent))


def zip_flat(folder: Path, file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder))


VENDORS = {f"RETOUCH-TrainingSet-{v}": f"RETOUCH-TrainingSet-{v}.zip" for v in ("Cirrus", "Spectralis")}
LAYOUTS = [
    ("ixi", unpacked_ixi, tar_flat, {"IXI-T1": "IXI-T1.tar"}),
    ("ixi", unpacked_ixi, tar_folder, {"IXI-T1": "IXI-T1.tar"}),
    ("msseg", unpacked_msseg, zip_folder, {"Training": "MSSEG-Training.zip"}),
    ("msseg", unpacked_old_msseg, zip_folder, {name: f"{name}.zip" for name in OLD}),
    ("retouch", unpacked_retouch, zip_folder, VENDORS),
    ("retouch", unpacked_retouch, zip_flat, VENDORS),
]


@pytest.mark.parametrize(("name", "unpacked", "pack", "files"), LAYOUTS)
def test_packed_is_read_as_unpacked(tmp_path, name, unpacked, pack, files):
    there, here = unpacked(tmp_path / "unpacked"), tmp_path / "packed"
    here.mkdir()
    for folder, file in files.items():
        pack(there / folder, here / file)
    expected, found = (list(readers.read(name, root)) for root in (there, here))
    assert [(s.id, s.domain, s.shape, s.spacing) for s in found] == [
        (s.id, s.domain, s.shape, s.spacing) for s in expected
    ]
    assert len(found) >= 2
    for one, other in zip(found, expected, strict=True):
        for part in ("image", "labels", "mask"):
            mine, theirs = getattr(one, part), getattr(other, part)
            assert (mine is None) == (theirs is None)
            if mine is not None:
                np.testing.assert_array_equal(mine().data, theirs().data)
                np.testing.assert_array_equal(mine().affine, theirs().affine)
    assert sorted(p.name for p in here.iterdir()) == sorted(files.values())


def test_the_packed_file_itself_can_be_named(tmp_path):
    tar_flat(unpacked_ixi(tmp_path) / "IXI-T1", tmp_path / "renamed.tar")
    assert [s.id for s in readers.read("ixi", tmp_path / "renamed.tar")] == ["IXI012", "IXI035"]


@pytest.mark.parametrize("name", ["IXI-T1.tar", "IXI-T1.tar.gz"])
def test_a_tar_of_the_current_folder_under_another_name(tmp_path, name):
    """Its members begin with './'; and a browser may uncompress a file and keep its name."""
    unpacked_ixi(tmp_path / "x")
    with tarfile.open(tmp_path / name, "w") as archive:
        archive.add(tmp_path / "x/IXI-T1", ".")
    found = list(readers.read("ixi", tmp_path))
    assert [s.id for s in found] == ["IXI012", "IXI035"]
    assert [str(s.files[0]) for s in found] == [f"{tmp_path}/{name}/{n}.nii.gz" for n in NAMES[:2]]


def test_a_folder_beside_its_packed_file_is_not_preferred_in_silence(tmp_path):
    """It may be half unpacked."""
    tar_flat(unpacked_ixi(tmp_path) / "IXI-T1", tmp_path / "IXI-T1.tar")
    with pytest.raises(DataError, match=r"IXI-T1: lies beside IXI-T1.tar, which holds it too. Remove or move away one"):
        list(readers.read("ixi", tmp_path))


def test_both_layouts_of_msseg_at_once(tmp_path):
    (tmp_path / "Training").mkdir()
    (tmp_path / "Pre-processed training dataset").mkdir()
    with pytest.raises(DataError, match="holds the archive in both of its layouts"):
        list(readers.read("msseg", tmp_path))


@pytest.mark.parametrize("damage", ["zeroed", "flipped"])
@pytest.mark.parametrize("member", [0, 1, 2])
def test_a_tar_whose_header_in_the_middle_is_damaged(tmp_path, damage, member):
    """tarfile alone would take it for a whole archive of fewer members."""
    root = ixi(tmp_path / "a", [f"IXI10{n}-IOP-000{n}-T1" for n in range(3)])
    tar = tmp_path / "IXI-T1.tar"
    tar_flat(root / "IXI-T1", tar)
    with tarfile.open(tar) as archive:
        offset = archive.getmembers()[member].offset
    content = bytearray(tar.read_bytes())
    content[offset : offset + 512] = (
        bytes(512) if damage == "zeroed" else bytes(b ^ 1 for b in content[offset : offset + 512])
    )
    tar.write_bytes(content)
    with pytest.raises(DataError, match=r"IXI-T1\.tar: is damaged or truncated"):
        list(readers.read("ixi", tmp_path))


def zip_with(path: Path, *, method: int | None = None, version: int | None = None) -> None:
    """A zip of one member whose headers were changed."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Training/Center_01/x.nii.gz", b"x")
    content = bytearray(path.read_bytes())
    index = content.index(b"PK\x01\x02")
    if method is not None:
        content[8] = content[index + 10] = method
    if version is not None:
        content[index + 6] = version
    path.write_bytes(content)


def test_a_zip_whose_compression_is_not_known(tmp_path):
    """Deflate64, number 9, is what Windows writes for large files."""
    zip_with(tmp_path / "MSSEG-Training.zip", method=9)
    with pytest.raises(
        DataError, match=r"compression method 9 is not known\. Unpack it, and put the folder in its place"
    ):
        list(readers.read("msseg", tmp_path))


def test_a_zip_of_a_version_to_come(tmp_path):
    zip_with(tmp_path / "MSSEG-Training.zip", version=255)
    with pytest.raises(DataError, match=r"MSSEG-Training.zip: is packed in a way that is not known. Unpack it"):
        list(readers.read("msseg", tmp_path))


def test_reading_headers_of_a_tar_reads_little_of_it(tmp_path):
    ixi(tmp_path, NAMES, np.random.default_rng(0).integers(0, 2**15, (60, 60, 60)).astype(np.int16))
    tar_flat(tmp_path / "IXI-T1", tmp_path / "packed.tar")
    top = open_packed(tmp_path / "packed.tar")
    stream, read = top.files.fo, []
    original = stream.read
    top.files.fo.read = lambda size=-1: (read.append(size), original(size))[1]
    assert len(list(readers.read("ixi", tmp_path / "packed.tar"))) == 2
    assert 0 < sum(read) < 0.2 * (tmp_path / "packed.tar").stat().st_size


def test_places_of_a_packed_file(tmp_path):
    retouch_volume(tmp_path, "Cirrus", 1)
    for pack, name in ((zip_folder, "x.zip"), (tar_folder, "x.tar")):
        pack(tmp_path / "RETOUCH-TrainingSet-Cirrus", tmp_path / name)
        top = open_packed(tmp_path / name)
        header = top / "RETOUCH-TrainingSet-Cirrus" / "TRAIN001" / "oct.mhd"
        raw = header.parent / "oct.raw"
        assert file_size(raw) == len(raw.read_bytes()) == 16 * 32 * 6
        assert str(raw).endswith(f"{name}/RETOUCH-TrainingSet-Cirrus/TRAIN001/oct.raw")
        assert "NDims = 3" in header.read_bytes().decode()
        assert not (top / "nothing").is_file()
        assert not (top / "nothing").is_dir()


def refusal(root: Path, name: str = "ixi") -> str:
    with pytest.raises(DataError) as caught:
        list(readers.read(name, root))
    return str(caught.value)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_truncated_tar(tmp_path, share):
    ixi(tmp_path / "x", NAMES)
    tar_flat(tmp_path / "x/IXI-T1", tmp_path / "IXI-T1.tar")
    truncate(tmp_path / "IXI-T1.tar", share)
    assert "IXI-T1.tar: is damaged or truncated" in refusal(tmp_path)


def test_a_tar_that_ends_between_two_members(tmp_path):
    tar_flat(unpacked_ixi(tmp_path / "x") / "IXI-T1", tmp_path / "IXI-T1.tar")
    with tarfile.open(tmp_path / "IXI-T1.tar") as archive:
        second = archive.getmembers()[1].offset
    with (tmp_path / "IXI-T1.tar").open("r+b") as file:
        file.truncate(second)
    assert "IXI-T1.tar: is damaged or truncated" in refusal(tmp_path)


@pytest.mark.parametrize("share", [0.05, 0.95])
def test_truncated_zip(tmp_path, share):
    zip_folder(unpacked_msseg(tmp_path / "x") / "Training", tmp_path / "MSSEG-Training.zip")
    truncate(tmp_path / "MSSEG-Training.zip", share)
    assert "MSSEG-Training.zip: is damaged or truncated" in refusal(tmp_path, "msseg")


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "IXI-T1.tar").write_bytes(b"<html>Please log in</html>" * 100)
    assert "IXI-T1.tar: is damaged or truncated" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["../outside.nii.gz", "/etc/outside.nii.gz", "a/../../outside.nii.gz", "C:\\outside"])
def test_a_member_whose_path_leaves_the_archive(tmp_path, name):
    with tarfile.open(tmp_path / "IXI-T1.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    said = refusal(tmp_path)
    assert "holds a path that leaves the archive" in said
    assert "outside" not in said
    with zipfile.ZipFile(tmp_path / "MSSEG-Training.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"")
    assert "a path that leaves the archive" in refusal(tmp_path, "msseg")


def test_a_link_in_a_tar(tmp_path):
    link = tarfile.TarInfo("IXI012-HH-1211-T1.nii.gz")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "IXI-T1.tar", "w") as archive:
        archive.addfile(link)
    assert "IXI012-HH-1211-T1.nii.gz: is neither a file nor a folder" in refusal(tmp_path)


def test_two_members_of_one_name(tmp_path):
    with tarfile.open(tmp_path / "IXI-T1.tar", "w") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("IXI012-HH-1211-T1.nii.gz"), io.BytesIO())
    assert "holds IXI012-HH-1211-T1.nii.gz 2 times" in refusal(tmp_path)


def test_an_encrypted_zip(tmp_path):
    zip_folder(unpacked_msseg(tmp_path / "x") / "Training", tmp_path / "MSSEG-Training.zip")
    content = bytearray((tmp_path / "MSSEG-Training.zip").read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 8] |= 1  # flag of the first member in the central directory
    (tmp_path / "MSSEG-Training.zip").write_bytes(content)
    assert "MSSEG-Training.zip: is encrypted" in refusal(tmp_path, "msseg")


def test_a_damaged_member_of_a_zip(tmp_path):
    """The central directory is whole; the checksum of one member is not."""
    unpacked_retouch(tmp_path / "x")
    for folder, name in VENDORS.items():
        zip_folder(tmp_path / "x" / folder, tmp_path / name)
    file = tmp_path / "RETOUCH-TrainingSet-Cirrus.zip"
    with zipfile.ZipFile(file) as archive:
        member = archive.getinfo("RETOUCH-TrainingSet-Cirrus/TRAIN001/oct.raw")
        at = member.header_offset + 30 + len(member.filename) + member.compress_size // 2
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)
    subject = next(readers.read("retouch", tmp_path))
    with pytest.raises(DataError, match=r"TRAIN001/oct.raw: is damaged or truncated"):
        subject.image()


def test_one_fault_does_not_hide_the_other_subjects(tmp_path):
    ixi(tmp_path, NAMES)
    (tmp_path / "IXI-T1/IXI035-IOP-0873-T1.nii.gz").write_bytes(b"nothing")
    found = list(readers.reader("ixi")(tmp_path))
    assert [type(f).__name__ for f in found] == ["Subject", "DataError"]


def test_two_members_of_one_name_that_is_written_in_two_ways(tmp_path):
    with tarfile.open(tmp_path / "IXI-T1.tar", "w") as archive:
        for name in ("IXI012-HH-1211-T1.nii.gz", "./IXI012-HH-1211-T1.nii.gz"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert "IXI-T1.tar: holds IXI012-HH-1211-T1.nii.gz 2 times" in refusal(tmp_path)


def test_a_zip_with_backslashes_is_no_other_archive(tmp_path):
    file = tmp_path / "MSSEG-Training.zip"
    name = "Training\\Center_01\\Patient_01\\Masks\\Consensus.nii.gz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"x")
    assert refusal(tmp_path, "msseg") == (
        f"{file}: has backslashes between its folders, as some programs of Windows pack: '{name}'. Unpack it, and put "
        "the folder in its place, or pack that again with another program, one that writes slashes."
    )
