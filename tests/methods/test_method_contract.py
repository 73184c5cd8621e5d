"""What every file in methods/ must do. A new method is tested here without another line."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from two_scanners import DEVICE, context, training_set

from benchmark.methods.base import Direction
from benchmark.methods.learned import LearnedMethod
from benchmark.methods.registry import FOLDER, available, create, method_class
from benchmark.runtime.errors import ModelError
from benchmark.training.device import place

METHODS = available()
# Faster than the defaults; options that a method does not have are left out.
SMALL = {"embedding_dim": 16}


def small(name):
    known = method_class(name).hyperparameters.model_fields
    return create(name, {key: value for key, value in SMALL.items() if key in known})


@pytest.fixture(scope="module")
def fitted():
    """Every method after two steps, fitted when it is asked for."""
    methods = {}

    def fit(name):
        if name not in methods:
            methods[name] = small(name)
            methods[name].fit(training_set(), context(2))
        return methods[name]

    return fit


def has_networks(name):
    return issubclass(method_class(name), LearnedMethod)


def directions(method):
    return list(Direction) if method.has_backward else [Direction.FORWARD]


def some_images(shape=(3, 37, 29), level=0.3):
    images = np.full(shape, -1, np.float32)
    random = np.random.default_rng(1)
    inside = np.s_[:, shape[1] // 4 : -(shape[1] // 4), shape[2] // 4 : -(shape[2] // 4)]
    images[inside] = np.clip(level + random.normal(0, 0.1, images[inside].shape), -1, 1)
    return images


def test_there_are_methods():
    assert len(METHODS) >= 7


@pytest.mark.parametrize("name", METHODS)
def test_describes_itself(name):
    cls = method_class(name)
    assert cls.name == name
    assert cls.title.strip()
    assert cls.reference.strip()
    assert cls.reference != cls.kind, "reports print one after the other"
    assert cls.kind in ("control", "classical", "learned")
    assert cls.needs_truth is False or cls.kind == "control"
    cls.hyperparameters()  # every hyperparameter has a default


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("shape", [(1, 9, 11), (17, 32, 48), (2, 65, 33)])
def test_translates_slices_of_any_size(fitted, name, shape):
    method, images = fitted(name), some_images(shape)
    before = images.copy()
    for direction in directions(method):
        translated = method.translate(images, direction)
        assert translated.shape == shape
        assert translated.dtype == np.float32
        assert np.isfinite(translated).all()
        assert -1 <= translated.min() <= translated.max() <= 1
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", METHODS)
def test_translates_read_only_and_empty_slices(fitted, name):
    images = np.full((2, 37, 29), -1, np.float32)
    images.flags.writeable = False
    for direction in directions(fitted(name)):
        assert np.isfinite(fitted(name).translate(images, direction)).all()


@pytest.mark.parametrize("name", METHODS)
def test_translates_the_same_images_to_the_same_bits(fitted, name):
    images = some_images()
    for direction in directions(fitted(name)):
        first, second = (fitted(name).translate(images, direction) for _ in range(2))
        np.testing.assert_array_equal(first, second)


MIXING = [("cyclegan", {"block": "paper"}), ("segrenorm", {"variant": "paper"})]
"""Options whose networks mix the samples of a training batch, or drop out otherwise."""


@pytest.mark.parametrize(("name", "options"), [*((name, {}) for name in METHODS if has_networks(name)), *MIXING])
def test_a_slice_does_not_depend_on_the_others_in_its_batch(name, options):
    method = create(name, options)
    method.begin(training_set().task, context(1, initial_std=0.1))
    place(method.network, DEVICE).train()
    images, others = some_images((18, 37, 29)), some_images((18, 37, 29), level=-0.6)
    others[[3, 17]] = images[[3, 17]]  # one of the first batch, one of the last
    for direction in directions(method):
        first, second = method.translate(images, direction), method.translate(others, direction)
        np.testing.assert_array_equal(first[[3, 17]], second[[3, 17]])
        assert np.abs(first[0] - second[0]).max() > 1e-3  # it does depend on the slice
        # Batches of other sizes are summed in other orders.
        np.testing.assert_allclose(method.translate(images[3:4], direction), first[3:4], atol=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_saved_and_loaded_it_translates_to_the_same_bits(fitted, name, tmp_path):
    method, loaded = fitted(name), small(name)
    method.save(tmp_path / "model")
    loaded.load(tmp_path / "model")
    assert loaded.parameters == method.parameters
    for direction in directions(method):
        np.testing.assert_array_equal(
            loaded.translate(some_images(), direction), method.translate(some_images(), direction)
        )


@pytest.mark.parametrize("name", METHODS)
def test_saves_safetensors_and_json_alone(fitted, name, tmp_path):
    fitted(name).save(tmp_path / "model")
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".safetensors", ".json"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("name", METHODS)
def test_refuses_models_of_other_methods_and_damaged_ones(fitted, name, tmp_path):
    with pytest.raises(ModelError, match="no trained model"):
        small(name).load(tmp_path / "nowhere")
    fitted(name).save(tmp_path / "model")
    path = tmp_path / "model/model.json"
    described = json.loads(path.read_text())
    path.write_text(json.dumps({**described, "method": "another"}))
    with pytest.raises(ModelError, match="another"):
        small(name).load(tmp_path / "model")
    path.write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        small(name).load(tmp_path / "model")


@pytest.mark.parametrize("name", [name for name in METHODS if has_networks(name)])
@pytest.mark.parametrize(("key", "value"), [("width", 0), ("width", None), ("task", {}), ("task", "dense")])
def test_refuses_a_damaged_description(fitted, name, key, value, tmp_path):
    fitted(name).save(tmp_path / "model")
    path = tmp_path / "model/model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(ModelError, match="damaged"):
        small(name).load(tmp_path / "model")


@pytest.mark.parametrize("name", METHODS)
def test_refuses_damaged_and_missing_weights(fitted, name, tmp_path):
    fitted(name).save(tmp_path / "model")
    for weights in (tmp_path / "model").glob("*.safetensors"):
        whole = weights.read_bytes()
        weights.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ModelError, match="damaged"):
            small(name).load(tmp_path / "model")
        weights.unlink()
        with pytest.raises(ModelError, match="missing"):
            small(name).load(tmp_path / "model")
        weights.write_bytes(whole)
    small(name).load(tmp_path / "model")


@pytest.mark.parametrize("name", METHODS)
def test_cannot_translate_before_it_learned(name):
    if method_class(name).kind == "control":
        pytest.skip("controls learn nothing")
    with pytest.raises(RuntimeError, match="neither fitted nor loaded"):
        create(name, {}).translate(some_images())


@pytest.mark.parametrize("name", [name for name in METHODS if not method_class(name).needs_labels])
def test_reads_labels_only_if_it_says_so(name):
    """Labels or none, the result is the same."""
    with_labels, blank = training_set(), training_set()
    for labels in (*blank.source.labels, *blank.target.labels):
        labels[:] = 0
    outcomes = []
    for train in (with_labels, blank):
        method = small(name)
        method.fit(train, context(1))
        outcomes.append(method.translate(some_images()))
    np.testing.assert_array_equal(*outcomes)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_imports_nothing_beyond_the_contract(path):
    """No truth, no judges, no metrics, no datasets, no paths: a method sees images and labels."""
    allowed = {
        "benchmark.config.base",
        "benchmark.data.sampling",
        "benchmark.data.slices",
        "benchmark.runtime.errors",
        "benchmark.methods",
        "benchmark.networks",
        "benchmark.training",
    }
    for name in imported(path):
        if name.split(".")[0] == "benchmark":
            assert any(name == a or name.startswith(f"{a}.") for a in allowed), name
        assert name.split(".")[0] not in {"h5py", "nibabel", "os", "pathlib", "importlib"}, name


@pytest.mark.parametrize("path", sorted(Path(FOLDER.parent, "benchmark/methods").glob("*.py")), ids=lambda p: p.stem)
def test_nor_does_code_that_methods_share(path):
    forbidden = (
        "benchmark.data.truth",
        "benchmark.runtime.paths",
        "benchmark.judges",
        "benchmark.metrics",
        "benchmark.pipeline",
    )
    named = {"benchmark.runtime.paths.ROOT", "benchmark.runtime.paths.RESULTS"}  # folders, which name no file
    assert not [name for name in imported(path) if name.startswith(forbidden) and name not in named]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
