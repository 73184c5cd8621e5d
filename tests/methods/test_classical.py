"""Controls and classical methods: exact expectations."""

import json
import subprocess
import sys

import numpy as np
import pytest
from two_scanners import context, domain, training_set

from benchmark.data.sampling import DomainSlices
from benchmark.methods.base import Direction, TrainingSet
from benchmark.methods.registry import FOLDER, create
from benchmark.runtime.errors import DataError, ModelError

TRAINING_FREE = ("identity", "oracle", "histogram_matching")


def fitted(name, train=None, **options):
    method = create(name, options)
    method.fit(train or training_set(), context(1))
    return method


@pytest.mark.parametrize("name", ["identity", "oracle"])
def test_controls_give_back_what_they_get(name):
    images = domain("source").images[0]
    translated = fitted(name).translate(images)
    np.testing.assert_array_equal(translated, images)
    assert not np.shares_memory(translated, images)


def test_only_the_oracle_asks_for_truth():
    assert create("oracle", {}).needs_truth
    assert not create("identity", {}).needs_truth


def test_matched_foreground_has_the_quantiles_of_the_pooled_targets():
    train = training_set()
    source = np.concatenate(train.source.images)
    matched = fitted("histogram_matching", train).translate(source)
    target = np.concatenate(train.target.images)
    levels = np.linspace(0.01, 0.99, 50)
    found, wanted = np.quantile(matched[source > -1], levels), np.quantile(target[target > -1], levels)
    assert np.abs(found - wanted).max() < 0.03
    assert np.abs(np.quantile(source[source > -1], levels) - wanted).max() > 0.3


def test_matching_keeps_the_background_and_the_order_of_intensities():
    train = training_set()
    source = train.source.images[0]
    matched = fitted("histogram_matching", train).translate(source)
    assert (matched[source == -1] == -1).all()
    assert (matched[source > -1] > -1).all()
    assert (np.diff(matched[source > -1][np.argsort(source[source > -1])]) >= 0).all()


def test_a_volume_is_matched_as_a_whole():
    train = training_set()
    source = train.source.images[0].copy()
    source[0][source[0] > -1] = -0.9  # the darkest of the volume stays the darkest
    matched = fitted("histogram_matching", train).translate(source)
    assert matched[0][source[0] > -1].max() <= matched[1][source[1] > -1].min()


def test_target_subjects_are_pooled_by_pixels():
    one, three = np.full((1, 4, 4), -0.5, np.float32), np.full((3, 4, 4), 0.5, np.float32)
    target = DomainSlices([one, three], [np.ones(i.shape, np.uint8) for i in (one, three)])
    train = TrainingSet(domain("source"), target, training_set().task)
    matched = fitted("histogram_matching", train).translate(np.linspace(-0.99, 1, 800, dtype=np.float32)[:, None, None])
    assert (matched < 0).mean() == pytest.approx(0.25, abs=0.01)


def test_an_empty_volume_stays_empty():
    empty = np.full((2, 5, 5), -1, np.float32)
    np.testing.assert_array_equal(fitted("histogram_matching").translate(empty), empty)


def test_targets_without_foreground_are_refused():
    empty = [np.full((2, 5, 5), -1, np.float32)]
    target = DomainSlices(empty, [np.zeros((2, 5, 5), np.uint8)])
    with pytest.raises(DataError, match="foreground"):
        fitted("histogram_matching", TrainingSet(domain("source"), target, training_set().task))


@pytest.mark.parametrize("name", TRAINING_FREE)
def test_there_is_no_way_back(name):
    method = fitted(name)
    assert not method.has_backward
    with pytest.raises(ValueError, match="target to source"):
        method.translate(domain("target").images[0], Direction.BACKWARD)


@pytest.mark.parametrize("state", [{}, {"quantiles": [0.0, 0.1]}, {"quantiles": [float("nan")] * 1000}, None])
def test_damaged_quantiles_are_refused(tmp_path, state):
    fitted("histogram_matching").save(tmp_path / "model")
    path = tmp_path / "model/model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "state": state}))
    with pytest.raises(ModelError, match="damaged"):
        create("histogram_matching", {}).load(tmp_path / "model")


@pytest.mark.parametrize(
    "modules", [["benchmark.pipeline.harmonization"], *([f"methods.{name}"] for name in TRAINING_FREE)]
)
def test_start_without_pytorch(modules):
    """Importing it takes seconds, and cells without networks are many."""
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent, check=False).returncode == 0
