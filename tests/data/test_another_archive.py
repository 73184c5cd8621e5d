"""Another archive, or one that was packed with a folder around it, is reported once, and not file by file."""

import tarfile
from pathlib import Path

import pytest
from test_packed import tar_flat, unpacked_ixi, unpacked_msseg, unpacked_retouch, zip_flat, zip_folder
from test_wrong_places import CIRRUS, SPECTRALIS, faults

OTHER = "is another archive: none of its names belongs to this one"


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    """A packed file of each archive, and one of none."""
    tar_flat(unpacked_ixi(tmp_path / "ixi") / "IXI-T1", tmp_path / "IXI-T1.tar")
    zip_folder(unpacked_msseg(tmp_path / "msseg") / "Training", tmp_path / "MSSEG-Training.zip")
    zip_flat(unpacked_retouch(tmp_path / "retouch"), tmp_path / "retouch.zip")
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        for n in range(5):
            archive.add(__file__, f"photo{n}.jpg")
    names = {"ixi": "IXI-T1.tar", "msseg": "MSSEG-Training.zip", "retouch": "retouch.zip", "other": "other.tar"}
    return {archive: tmp_path / name for archive, name in names.items()}


@pytest.mark.parametrize(
    ("given", "looks"),
    [
        ("ixi", ", and it looks like IXI's T1-weighted images"),
        ("msseg", ", and it looks like MS-SEG"),
        ("retouch", ", and it looks like RETOUCH"),
        ("other", ""),
    ],
)
def test_another_archive(files, given, looks):
    for dataset in {"ixi", "msseg", "retouch"} - {given}:
        [fault] = faults(dataset, files[given])
        assert f"{OTHER}{looks}. Name the archive that belongs to this dataset" in fault
    if given != "other":
        assert faults(given, files[given]) == []


def test_ixi_of_another_contrast(tmp_path):
    for image in (folder := unpacked_ixi(tmp_path) / "IXI-T1").iterdir():
        image.rename(folder / image.name.replace("-T1.", "-T2."))
    [fault] = faults("ixi", tmp_path)
    assert f"{OTHER}, and it looks like images of IXI that are not T1-weighted" in fault


@pytest.mark.parametrize(
    ("name", "build", "folder", "file"),
    [
        ("ixi", unpacked_ixi, "IXI-T1", "IXI-T1.zip"),
        ("msseg", unpacked_msseg, "Training", "MSSEG-Training.zip"),
        ("retouch", unpacked_retouch, CIRRUS, f"{CIRRUS}.zip"),
    ],
)
def test_a_folder_around_it(tmp_path, name, build, folder, file):
    """In a packed file, and unpacked."""
    root = build(tmp_path / "archive")
    (root / folder).rename(root / "inner")
    (root / "around").mkdir()
    (root / "inner").rename(root / "around/inner")
    zip_folder(root / "around", tmp_path / file)
    given = tmp_path / file
    if name == "retouch":
        (root / SPECTRALIS).rename(tmp_path / SPECTRALIS)
        given = tmp_path
    [fault] = faults(name, given)
    assert "holds the archive in a subfolder, 'around/inner'. " in fault
    assert fault.endswith(f"put 'around/inner', under the name '{folder}', in the place of the packed file.")
    (root / folder).mkdir()
    (root / "around").rename(root / folder / "around")
    found = [fault for fault in faults(name, root) if SPECTRALIS not in fault]
    assert found == [
        f"{root / folder}: holds the archive in a subfolder, 'around/inner'. "
        f"Move the content of 'around/inner' into {root / folder}."
    ]


def test_a_folder_around_both_scanners(tmp_path):
    unpacked_retouch(tmp_path / "around")
    zip_folder(tmp_path / "around", tmp_path / "both.zip")
    [fault] = faults("retouch", tmp_path / "both.zip")
    assert "holds the archive in a subfolder, 'around'" in fault
