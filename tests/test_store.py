"""The slice store and the crops drawn from it."""

import h5py
import numpy as np
import pytest

from benchmark.data.sampling import BACKGROUND, CropSampler, DomainSlices, stream, torch_seed
from benchmark.data.slices import SliceStore, SubjectSlices, write_slices
from benchmark.data.splits import read_fold
from benchmark.results.harmonized import Harmonized, read_harmonized, write_harmonized
from benchmark.runtime.errors import DataError


def subject(name: str, shape=(3, 20, 24), domain="GE", seed=0) -> SubjectSlices:
    random = np.random.default_rng(seed)
    image = random.uniform(-1, 1, shape).astype(np.float32)
    labels = random.integers(0, 4, shape).astype(np.uint8)
    return SubjectSlices(name, domain, image, labels, (labels > 0).astype(np.uint8), (2.0, 1.5, 1.0))


def test_what_is_written_is_read(tmp_path):
    subjects = [subject("b", seed=1), subject("a", domain="PL", seed=2)]
    write_slices(tmp_path / "slices.h5", subjects)
    store = SliceStore(tmp_path / "slices.h5")
    assert store.subjects == ["a", "b"]
    assert store.slice_shape == (20, 24)
    for s in subjects:
        np.testing.assert_array_equal(store.image(s.subject), s.image)
        np.testing.assert_array_equal(store.labels(s.subject), s.labels)
        np.testing.assert_array_equal(store.mask(s.subject), s.mask)
        assert store.domain(s.subject) == s.domain
        assert store.spacing(s.subject) == s.spacing


def test_a_stack_is_read_slice_by_slice(tmp_path):
    written = subject("a")
    write_slices(tmp_path / "slices.h5", [written])
    stack = SliceStore(tmp_path / "slices.h5").stack("a", "image")
    assert (len(stack), stack.shape) == (3, (3, 20, 24))
    for read, expected in zip(stack, written.image, strict=True):
        np.testing.assert_array_equal(read, expected)
    with h5py.File(tmp_path / "slices.h5") as file:
        assert file["a/image"].chunks == (1, 20, 24)


def test_few_arrays_stay_open_and_the_others_are_opened_again(tmp_path, monkeypatch):
    """Even those of a store that was replaced meanwhile."""
    monkeypatch.setattr("benchmark.data.slices._OPEN", 2)
    path, of = tmp_path / "slices.h5", [subject(name, seed=seed) for seed, name in enumerate("abcd")]
    write_slices(path, of)
    store = SliceStore(path)
    stacks = [store.stack(s.subject, key) for s in of for key in ("image", "labels")]
    write_slices(path, [subject("z", shape=(1, 8, 8))])
    arrays = [array for s in of for array in (s.image, s.labels)]
    for stack, array in [*zip(stacks, arrays, strict=True)] * 2:
        np.testing.assert_array_equal(stack[1], array[1])
    open_arrays = h5py.h5f.get_obj_count(store._file.id, h5py.h5f.OBJ_DATASET)
    assert open_arrays == 2


def test_slices_are_compressed_without_loss(tmp_path):
    """Half of the pixels are background, as around a brain, and eight bits are in use, as in OCT."""
    image = np.random.default_rng(1).integers(0, 256, (4, 128, 128)) / np.float32(127.5) - 1
    image[:, :64] = -1
    labels = np.zeros(image.shape, np.uint8)
    written = SubjectSlices("a", "GE", image.astype(np.float32), labels, labels, (1.0, 1.0, 1.0))
    write_slices(tmp_path / "slices.h5", [written])
    assert (tmp_path / "slices.h5").stat().st_size < 0.5 * image.nbytes
    np.testing.assert_array_equal(SliceStore(tmp_path / "slices.h5").image("a"), written.image)


@pytest.mark.parametrize(("highest", "stored"), [(255, np.uint8), (65535, np.uint16), (1000, np.float32)])
def test_grey_levels_of_a_scanner_are_stored_as_such(tmp_path, highest, stored):
    """All levels, as the preparation of OCT scales them; what is no 8 or 16 bit grey stays as it is."""
    levels = np.resize(np.arange(highest + 1, dtype=np.float32), (4, 128, 128))
    image = (levels / (highest / 2) - 1).astype(np.float32)
    labels = np.zeros(image.shape, np.uint8)
    write_slices(tmp_path / "slices.h5", [SubjectSlices("a", "CR", image, labels, labels, (1.0, 1.0, 1.0))])
    with h5py.File(tmp_path / "slices.h5") as file:
        assert file["a/image"].dtype == stored
    store = SliceStore(tmp_path / "slices.h5")
    np.testing.assert_array_equal(store.image("a"), image)
    np.testing.assert_array_equal(store.stack("a", "image")[1], image[1])
    assert store.image("a").dtype == np.float32


@pytest.mark.parametrize("key", ["image", "labels", "mask"])
def test_a_flipped_bit_is_told(tmp_path, key):
    path = tmp_path / "slices.h5"
    write_slices(path, [subject("a", shape=(3, 64, 64))])
    with h5py.File(path) as file:
        chunk = file[f"a/{key}"].id.get_chunk_info(1)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 0x10
    path.write_bytes(content)
    stack = SliceStore(path).stack("a", key)
    stack[0]
    with pytest.raises(DataError, match=r"slices.h5: cannot be read .*Delete it and run snakemake"):
        stack[1]


def faulty(value) -> SubjectSlices:
    labels = np.zeros((1, 4, 4), np.uint8)
    return SubjectSlices("a", "GE", np.full((1, 4, 4), value, np.float32), labels, labels, (1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("subjects", "fault"),
    [
        ([subject("a"), subject("b", shape=(3, 20, 20))], "others are"),
        ([faulty(2)], "within"),
        ([faulty(np.nan)], "within"),
    ],
)
def test_a_store_with_a_fault_is_refused_and_leaves_nothing(tmp_path, subjects, fault):
    with pytest.raises(DataError, match=fault):
        write_slices(tmp_path / "slices.h5", subjects)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["missing", "truncated", "text", "another"])
def test_a_bad_store_is_named(tmp_path, damage):
    path = tmp_path / "slices.h5"
    write_slices(path, [subject("a")])
    match damage:
        case "missing":
            path.unlink()
        case "truncated":
            path.write_bytes(path.read_bytes()[:100])
        case "text":
            path.write_text("hello")
        case "another":
            with h5py.File(path, "a") as file:
                file.attrs["format"] = "other"
    with pytest.raises(DataError, match=r"slices\.h5"):
        SliceStore(path)


def test_harmonized_round_trip_and_reasons(tmp_path):
    image = np.linspace(-1, 1, 24, dtype=np.float32).reshape(1, 4, 6)
    write_harmonized(tmp_path / "h.h5", Harmonized({"s": image}))
    np.testing.assert_array_equal(read_harmonized(tmp_path / "h.h5").images["s"], image)
    write_harmonized(tmp_path / "f.h5", Harmonized({}, "failed", "loss was NaN at step 7"))
    failed = read_harmonized(tmp_path / "f.h5")
    assert (failed.status, failed.reason, dict(failed.images)) == ("failed", "loss was NaN at step 7", {})


def test_harmonized_images_out_of_range_are_refused(tmp_path):
    write_harmonized(tmp_path / "h.h5", Harmonized({"s": np.full((1, 2, 2), 3, np.float32)}))
    with pytest.raises(DataError, match=r"subject s has no slices, or intensities outside"):
        read_harmonized(tmp_path / "h.h5")


def sampler(images, crop=(8, 8), batch=4, identity=("x",)) -> CropSampler:
    labels = [(image > BACKGROUND).astype(np.uint8) for image in images]
    return CropSampler(DomainSlices(images, labels), crop, batch, stream(*identity))


def test_crops_have_shape_and_their_own_labels():
    images = [subject(str(i), seed=i).image for i in range(2)]
    x, labels = sampler(images).draw()
    assert x.shape == (4, 1, 8, 8)
    assert labels.shape == (4, 8, 8)
    np.testing.assert_array_equal(labels, x[:, 0] > BACKGROUND)


def test_crops_are_never_all_background_even_when_foreground_is_one_pixel():
    image = np.full((2, 64, 64), BACKGROUND)
    image[1, 60, 3] = 0.5
    draws = sampler([image], batch=16)
    for _ in range(5):
        x, _ = draws.draw()
        assert (x.reshape(16, -1).max(axis=1) == 0.5).all()


def test_every_slice_is_drawn_once_an_epoch():
    image = np.stack([np.full((8, 8), value, np.float32) for value in np.linspace(-0.9, 1, 12)])
    draws = sampler([image], batch=4)
    assert len(draws) == 3
    for _ in range(2):
        epoch = np.concatenate([draws.draw()[0][:, 0, 0, 0] for _ in range(3)])
        np.testing.assert_array_equal(np.sort(epoch), image[:, 0, 0])


def test_small_slices_are_padded_with_background():
    x, labels = sampler([np.zeros((1, 4, 8), np.float32)], batch=1).draw()
    assert x.shape == (1, 1, 8, 8)
    assert (x[0, 0, :2] == BACKGROUND).all()
    assert (x[0, 0, 2:6] == 0).all()
    assert labels[0, 0].max() == 0


def test_streams_depend_on_what_they_are_for():
    assert stream("a", 1).integers(2**60) == stream("a", 1).integers(2**60)
    assert stream("a", 1).integers(2**60) != stream("a", 2).integers(2**60)
    assert torch_seed("a", 1) != torch_seed("a", 2)
    assert 0 <= torch_seed("a", 1) < 2**63
    # Pinned: another number means that every published result changes.
    assert stream("a", 1).integers(1000, size=4).tolist() == [115, 894, 888, 80]


def test_empty_training_slices_are_refused():
    with pytest.raises(DataError, match="every one is empty"):
        sampler([np.full((2, 8, 8), BACKGROUND)])


def test_harmonized_slices_that_are_none_or_stray(tmp_path):
    write_harmonized(tmp_path / "h.h5", Harmonized({"s": np.zeros((0, 4, 4), np.float32)}))
    with pytest.raises(DataError, match="subject s has no slices"):
        read_harmonized(tmp_path / "h.h5")
    with h5py.File(tmp_path / "h.h5", "r+") as file:
        file["stray"] = np.zeros(3)
    with pytest.raises(DataError, match="cannot be read"):
        read_harmonized(tmp_path / "h.h5")


@pytest.mark.parametrize("content", ["[]", "{}", "7", "{"])
def test_splits_that_are_no_splits(tmp_path, content):
    (tmp_path / "A-B.json").write_text(content)
    with pytest.raises(DataError, match=r"A-B.json: is damaged"):
        read_fold(tmp_path / "A-B.json", 0)
