"""Readers: layouts, scanners, and one message for each fault of an archive."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from archives import ixi, msseg_patient, noise, oasis_ixi, retouch_volume, save, save_oct, truncate

from benchmark.archives import readers
from benchmark.archives.readers import available, reader
from benchmark.runtime.errors import ConfigError, DataError


def read(name, root):
    return list(readers.read(name, root))


def refusal(name, root) -> str:
    with pytest.raises(DataError) as caught:
        read(name, root)
    return str(caught.value)


def test_there_is_no_reader_of_another_name():
    with pytest.raises(ConfigError, match="did you mean 'retouch'"):
        reader("retuch")
    assert available() == ["ixi", "msseg", "oasis_ixi", "retouch"]


def test_ixi_sites_are_scanners_and_guys_is_not_used(tmp_path):
    ixi(tmp_path, ["IXI002-Guys-0828-T1", "IXI012-HH-1211-T1", "IXI035-IOP-0873-T1"])
    found = {s.id: s.domain for s in read("ixi", tmp_path)}
    assert found == {"IXI012": "PL", "IXI035": "GE"}


def test_ixi_reads_headers_alone_until_the_image_is_asked_for(tmp_path):
    ixi(tmp_path, ["IXI012-HH-1211-T1"], noise((12, 13, 14)))
    whole = nib.load(tmp_path / "IXI-T1/IXI012-HH-1211-T1.nii.gz").get_fdata()
    subject = read("ixi", tmp_path)[0]
    assert subject.shape == (12, 13, 14)
    assert subject.spacing == (2.0, 2.0, 2.0)
    np.testing.assert_array_equal(subject.image().data, whole)
    truncate(tmp_path / "IXI-T1/IXI012-HH-1211-T1.nii.gz")
    for work in (subject.image, lambda: read("ixi", tmp_path)):
        with pytest.raises(DataError, match=r"IXI012-HH-1211-T1.nii.gz: is damaged .*Copy or download it again"):
            work()


def test_a_wrong_checksum_is_damage(tmp_path):
    """All voxels are there and can be read; only the end of the gzip stream tells that they are others."""
    path = tmp_path / "IXI-T1/IXI012-HH-1211-T1.nii.gz"
    ixi(tmp_path, [path.name.removesuffix(".nii.gz")], noise())
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged or truncated"):
        read("ixi", tmp_path)[0].image()


def test_ixi_truth_of_phantoms(tmp_path):
    name = "IXI701-IOP-7001-T1"
    ixi(tmp_path, [name, "IXI801-HH-8001-T1"])
    for kind, value in (("clean", 3), ("noisy", 4)):
        save(tmp_path / "truth/PL" / kind / f"{name}.nii.gz", np.full((6, 7, 8), value, np.int16))
    source, target = read("ixi", tmp_path)
    assert [load().data[0, 0, 0] for load in source.truth["PL"]] == [3, 4]
    assert not target.truth
    (tmp_path / f"truth/PL/noisy/{name}.nii.gz").unlink()
    assert f"noisy/{name}.nii.gz: is missing" in refusal("ixi", tmp_path)


@pytest.mark.parametrize("stray", ["IXI12-HH-1211-T1.nii.gz", "IXI012-XX-1211-T1.nii.gz", "IXI012-HH-1211-T2.nii.gz"])
def test_ixi_stray_file(tmp_path, stray):
    ixi(tmp_path, ["IXI012-HH-1211-T1"])
    save(tmp_path / "IXI-T1" / stray, noise())
    assert f"{stray}: is no name of an IXI T1 image" in refusal("ixi", tmp_path)


@pytest.mark.parametrize("name", ["ixi", "msseg", "retouch", "oasis_ixi"])
def test_wrong_archive(tmp_path, name):
    (tmp_path / "something else").mkdir()
    assert "does not exist" in refusal(name, tmp_path)


def test_notices_and_hidden_files_are_passed_over(tmp_path):
    ixi(tmp_path, ["IXI012-HH-1211-T1"])
    for name in (".DS_Store", "LICENCES.txt", "IXI.xls"):
        (tmp_path / "IXI-T1" / name).write_text("x")
    assert len(read("ixi", tmp_path)) == 1


def test_msseg_centres_are_scanners(tmp_path):
    for centre in ("08", "01", "07"):
        msseg_patient(tmp_path, centre, "02", lesion=(1, 2, 3))
    subjects = read("msseg", tmp_path)
    assert {s.id: s.domain for s in subjects} == {"C01P02": "SV", "C07P02": "SA", "C08P02": "PI"}
    assert np.argwhere(subjects[0].labels().data).tolist() == [[1, 2, 3]]
    assert subjects[0].mask().data.sum() == 4 * 5 * 6


def test_msseg_older_layout(tmp_path):
    old, raw = tmp_path / "Pre-processed training dataset", tmp_path / "Unprocessed training dataset"
    for patient in ("01016SACH", "07001MOEL", "08002CHJE"):
        save(old / "TrainingDataset_MSSEG" / patient / "FLAIR_preprocessed.nii.gz", noise())
        save(old / "TrainingDataset_MSSEG" / patient / "Mask_registered.nii.gz", np.ones((6, 7, 8), np.uint8))
        save(raw / "TrainingDataset_MSSEG" / patient / "Consensus.nii.gz", np.eye(6, 7)[..., None] * np.ones(8))
    subjects = read("msseg", tmp_path)
    assert [(s.id, s.domain) for s in subjects] == [("01016SACH", "SV"), ("07001MOEL", "SA"), ("08002CHJE", "PI")]
    assert subjects[0].labels().data.sum() == 48


def test_msseg_testing_archive_is_refused(tmp_path):
    msseg_patient(tmp_path, "03", "01")
    assert "is of centre 03, and the training archive has the centres 01, 07, 08" in refusal("msseg", tmp_path)


def test_msseg_labels_of_another_shape(tmp_path):
    folder = msseg_patient(tmp_path, "01", "01")
    save(folder / "Masks/Consensus.nii.gz", np.zeros((6, 7, 9), np.uint8))
    assert "Consensus.nii.gz: has 6 x 7 x 9 voxels" in refusal("msseg", tmp_path)


@pytest.mark.parametrize(("shift", "said"), [(4.9, None), (10, "lies 0.5 voxels away"), (-30, "lies 1.5 voxels away")])
def test_msseg_labels_at_another_place(tmp_path, shift, said):
    """Up to a quarter of a voxel is rounding: of 20 mm here."""
    folder = msseg_patient(tmp_path, "01", "01")
    affine = np.diag([20.0, 20.0, 20.0, 1.0])
    affine[0, 3] = shift
    save(folder / "Masks/Brain_Mask.nii.gz", np.ones((6, 7, 8), np.uint8), affine)
    if said:
        assert f"Brain_Mask.nii.gz: {said}" in refusal("msseg", tmp_path)
    else:
        assert len(read("msseg", tmp_path)) == 1


def test_msseg_missing_file(tmp_path):
    (msseg_patient(tmp_path, "01", "01") / "Masks/Consensus.nii.gz").unlink()
    assert "Consensus.nii.gz: is missing" in refusal("msseg", tmp_path)


def test_retouch_folders_are_scanners_and_topcon_is_not_used(tmp_path):
    for vendor, number in (("Cirrus", 1), ("Spectralis", 25), ("Topcon", 49)):
        retouch_volume(tmp_path, vendor, number)
    subjects = read("retouch", tmp_path)
    assert {s.id: s.domain for s in subjects} == {"TRAIN001": "CR", "TRAIN025": "SP"}
    assert subjects[0].shape == (16, 32, 6)
    assert subjects[0].spacing == pytest.approx((0.01, 0.002, 0.1))
    image = subjects[0].image().data
    assert image.shape == (16, 32, 6)
    assert image[:, 8:16].mean() > 3 * image[:, :8].mean()


@pytest.mark.parametrize("change", [-5, 5])
def test_retouch_raw_file_of_another_length(tmp_path, change):
    retouch_volume(tmp_path, "Spectralis", 25)
    raw = retouch_volume(tmp_path, "Cirrus", 1) / "oct.raw"
    content = raw.read_bytes()
    raw.write_bytes(content[:change] if change < 0 else content + b"x" * change)
    assert f"oct.raw: holds {16 * 32 * 6 + change} bytes, and oct.mhd states {16 * 32 * 6}" in refusal(
        "retouch", tmp_path
    )


def test_retouch_labels_at_another_place(tmp_path):
    retouch_volume(tmp_path, "Spectralis", 25)
    folder = retouch_volume(tmp_path, "Cirrus", 1)
    save_oct(folder / "reference.mhd", np.zeros((16, 32, 6), np.uint8), (0.02, 0.002, 0.1))
    assert "reference.mhd: lies" in refusal("retouch", tmp_path)


def test_retouch_damaged_header(tmp_path):
    (retouch_volume(tmp_path, "Cirrus", 1) / "oct.mhd").write_text("nonsense")
    assert "oct.mhd: is no readable MetaImage header" in refusal("retouch", tmp_path)


def test_oasis_ixi_brain_is_the_labels_without_outer_fluid(tmp_path):
    oasis_ixi(tmp_path)
    subjects = read("oasis_ixi", tmp_path)
    assert {s.id: s.domain for s in subjects} == {
        "IXI132": "IXIHH",
        "IXI162": "IXIHH",
        "OASIS1000": "OASIS",
        "OASIS1001": "OASIS",
    }
    masks = [s.mask().data for s in subjects]
    assert masks[0].sum() == 4 * 5 * 6
    np.testing.assert_array_equal(masks[0], masks[2])
    assert all(s.labels is None for s in subjects)


def test_oasis_ixi_stray_and_missing_files(tmp_path):
    oasis_ixi(tmp_path)
    (tmp_path / "oasis/1000_glm.nii.gz").unlink()
    assert "1000_glm.nii.gz: is missing" in refusal("oasis_ixi", tmp_path)
    save(tmp_path / "ixi_hh/IXI999-HH-1_T1_DLMUSE.nii.gz", noise())
    assert "IXI999-HH-1_T1_DLMUSE.nii.gz: belongs to no image" in refusal("oasis_ixi", tmp_path)


def header_of(path, **fields):
    image = nib.load(path)
    image.header["vox_offset"] = 352  # forgotten by nibabel when it was read
    for key, value in fields.items():
        image.header[key] = value
    content = image.header.binaryblock + b"\0" * 4 + np.asarray(image.dataobj).tobytes(order="F")
    with gzip.open(path, "wb") as file:
        file.write(content)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"qform_code": 0, "sform_code": 0}, "does not say how it is oriented"),
        ({"srow_x": [0, 0, 0, 0]}, "singular or non-finite orientation"),
        ({"dim": [4, 6, 7, 4, 2, 1, 1, 1]}, "is 6 x 7 x 4 x 2, not a 3-D volume"),
    ],
)
def test_headers_without_a_usable_grid(tmp_path, fields, said):
    ixi(tmp_path, ["IXI012-HH-1211-T1"])
    header_of(tmp_path / "IXI-T1/IXI012-HH-1211-T1.nii.gz", **fields)
    assert said in refusal("ixi", tmp_path)


def test_header_that_states_more_voxels_than_there_are(tmp_path):
    ixi(tmp_path, ["IXI012-HH-1211-T1"])
    header_of(tmp_path / "IXI-T1/IXI012-HH-1211-T1.nii.gz", dim=[3, 6, 7, 80, 1, 1, 1, 1])
    assert "it holds 1024 bytes, and its header states 7072" in refusal("ixi", tmp_path)


def test_file_that_is_no_nifti(tmp_path):
    ixi(tmp_path, ["IXI012-HH-1211-T1"])
    (tmp_path / "IXI-T1/IXI012-HH-1211-T1.nii.gz").write_bytes(b"\x1f\x8b not gzip")
    assert "is damaged or truncated. Copy or download it again" in refusal("ixi", tmp_path)
