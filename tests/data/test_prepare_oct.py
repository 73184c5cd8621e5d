"""OCT volumes become B-scans with the target scanner's dimensions, by nearest neighbour and nothing else."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from archives import retina as retina_volume
from archives import retouch_volume, save_oct, truncate, verified
from small_datasets import inventoried

from benchmark.archives.formats.volumes import Volume
from benchmark.data.slices import SliceStore
from benchmark.data.truth import read_truth
from benchmark.preparation.collect import collect
from benchmark.preparation.geometry import Grid
from benchmark.preparation.oct import resample_nearest, segment_retina
from benchmark.preparation.prepare import prepare_subject
from benchmark.preparation.prepared import read_record
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError


def volume(data, affine=None) -> Volume:
    return Volume(np.asarray(data), np.eye(4) if affine is None else affine, Path("oct.mhd"))


def test_nearest_takes_the_voxel_that_holds_the_centre():
    data = np.arange(27)[None, None, :] * np.ones((1, 1, 27), int)
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    affine[2, 3] = 1.0
    assert resample_nearest(volume(data), Grid((1, 1, 9), affine)).data[0, 0].tolist() == [
        1,
        4,
        7,
        10,
        13,
        16,
        19,
        22,
        25,
    ]
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[2, 3] = 0.5
    assert resample_nearest(volume(data), Grid((1, 1, 13), affine)).data[0, 0].tolist() == list(range(1, 27, 2))


def test_nearest_outside_is_dark():
    data = np.full((2, 2, 2), 9, np.uint8)
    affine = np.eye(4)
    affine[0, 3] = 1.0
    found = resample_nearest(volume(data), Grid((3, 2, 2), affine)).data
    assert found[0].min() == 9
    assert not found[1:].any()


def test_nearest_refuses_turned_axes():
    turned = np.eye(4)[[1, 0, 2, 3]]
    with pytest.raises(DataError, match="at an angle"):
        resample_nearest(volume(np.ones((3, 3, 3))), Grid((3, 3, 3), turned))


def test_retina_reaches_from_the_first_to_the_last_bright_row():
    image = np.full((40, 60, 2), -1.0, np.float32)
    image[:, 20:24], image[:, 36:40] = 0.8, 0.9  # two bright layers with dark fluid between, in every column
    image[5:8, 20:40] = 0.8
    mask = segment_retina(volume(image)).data
    assert mask[:, 21:39].all()
    assert not mask[:, :16].any()
    assert not mask[:, 46:].any()


def prepared(root: Path) -> SliceStore:
    inventoried(root.name)
    for path in root.glob("RETOUCH*/TRAIN*"):
        prepare_subject(root.name, path.name)
    collect(root.name)
    return SliceStore(paths.slices(root.name))


def archive(root: Path) -> Path:
    for number in (1, 2):
        retouch_volume(root, "Cirrus", number)
        retouch_volume(root, "Spectralis", 24 + number, np.uint16)
    return root


def test_volumes_become_slices(dataset):
    root = archive(dataset("eyes", "retouch"))
    store = prepared(root)
    assert store.subjects == ["TRAIN001", "TRAIN002", "TRAIN025", "TRAIN026"]
    assert store.slice_shape == (16, 16)
    raw = retina_volume(seed=1)
    # 32 rows become 16, 6 B-scans become 3: the later one of two
    expected = raw[:, 1::2, 1::2].transpose(2, 1, 0) / 127.5 - 1
    np.testing.assert_allclose(store.image("TRAIN001"), expected, atol=1e-6)
    assert store.spacing("TRAIN001") == pytest.approx((0.2, 0.004, 0.01))
    labels = store.labels("TRAIN001")
    assert set(np.unique(labels)) == {0, 2}
    record = read_record(paths.subject("eyes", "TRAIN001"))
    kept = (labels == 2).sum() * np.prod(store.spacing("TRAIN001")) / record["label_volumes_mm3"]["SRF"]
    assert record["volume_kept"] == {"SRF": pytest.approx(kept)}
    assert store.domain("TRAIN025") == "SP"
    mask = store.mask("TRAIN001")
    assert mask[:, 5:7].all()
    assert not mask[:, :2].any()


def test_8_and_16_bit_have_one_range(dataset):
    store = prepared(archive(dataset("eyes", "retouch")))
    for subject in store.subjects:
        assert store.image(subject).max() > 0.9
        assert store.image(subject).min() < -0.95


def test_grey_values_of_unknown_range_are_refused(dataset):
    root = archive(dataset("eyes", "retouch"))
    inventoried("eyes")
    save_oct(root / "RETOUCH-TrainingSet-Cirrus/TRAIN001/oct.mhd", retina_volume().astype(np.float32))
    verified("eyes")
    with pytest.raises(DataError, match="holds float32 values, not 8 or 16 bit grey"):
        prepare_subject("eyes", "TRAIN001")


def test_voxels_that_were_changed_after_they_were_verified(dataset):
    """The header stays as it is: the voxels are in a file of their own."""
    root = archive(dataset("eyes", "retouch"))
    inventoried("eyes")
    raw = root / "RETOUCH-TrainingSet-Cirrus/TRAIN001/oct.raw"
    raw.write_bytes(raw.read_bytes()[::-1])
    with pytest.raises(DataError, match=r"TRAIN001/oct.raw: was changed after the archive was verified"):
        prepare_subject("eyes", "TRAIN001")


def test_unknown_label(dataset):
    root = archive(dataset("eyes", "retouch"))
    inventoried("eyes")
    save_oct(root / "RETOUCH-TrainingSet-Cirrus/TRAIN001/reference.mhd", np.full((16, 32, 6), 4, np.uint8))
    verified("eyes")
    with pytest.raises(DataError, match="holds the labels 4, and the dataset's are 1, 2, 3"):
        prepare_subject("eyes", "TRAIN001")
    assert not paths.subject("eyes", "TRAIN001").exists()


def test_truth_lies_slice_by_slice_where_the_source_lies(dataset):
    """The target scanner has fewer rows and B-scans; each of its B-scans lies on one of the source."""
    root = archive(dataset("eyes", "retouch", phantom=True))
    for number in (1, 2):
        coarse = retina_volume(seed=number)[:, 1::2, 1::2]
        for kind, image in (("clean", coarse), ("noisy", coarse // 2)):
            folder = root / "truth/SP" / kind / f"TRAIN{number:03d}"
            save_oct(folder / "oct.mhd", image, (0.01, 0.004, 0.2))
    store = prepared(root)
    tested = [s for s in ("TRAIN001", "TRAIN002") if (paths.subject("eyes", s) / "truth").is_dir()]
    assert len(tested) == 1
    clean, noisy = read_truth(paths.truth("eyes"), tested[0], "SP")
    np.testing.assert_allclose(clean, store.image(tested[0]), atol=1e-6)
    assert noisy.mean() < clean.mean()
    other = ({"TRAIN001", "TRAIN002"} - set(tested)).pop()
    with pytest.raises(DataError, match=f"holds no truth of {other} on SP"):
        read_truth(paths.truth("eyes"), other, "SP")


def test_damaged_prepared_subject_is_told_when_collecting(dataset):
    prepared(archive(dataset("eyes", "retouch")))
    paths.slices("eyes").unlink()
    truncate(paths.subject("eyes", "TRAIN025") / "labels.nii.gz")
    with pytest.raises(DataError, match=r"TRAIN025/labels.nii.gz: is "):
        collect("eyes")
    assert not paths.slices("eyes").exists()


def test_prepared_subject_that_is_missing(dataset):
    prepared(archive(dataset("eyes", "retouch")))
    shutil.rmtree(paths.subject("eyes", "TRAIN002"))
    with pytest.raises(
        DataError, match=r"TRAIN002/subject.json: is missing. Run snakemake with the target \S+TRAIN002 "
    ):
        collect("eyes")


def test_prepared_image_that_is_missing(dataset):
    prepared(archive(dataset("eyes", "retouch")))
    (paths.subject("eyes", "TRAIN002") / "image.nii.gz").unlink()
    remedy = "Delete data/prepared/eyes/subjects/TRAIN002 and run snakemake with the target .*TRAIN002 "
    with pytest.raises(DataError, match=rf"TRAIN002/image.nii.gz: is missing. {remedy}"):
        collect("eyes")
