"""The contract of a learned method is not that of a cycle: one-sided translation fits it in about a hundred lines."""

import numpy as np
import pytest
import torch
from one_sided import OneSided
from two_scanners import context, training_set

from benchmark.config.base import Strict
from benchmark.methods.base import Direction

STEPS = 3


def fitted(how):
    method = OneSided(Strict())
    method.fit(training_set(), how)
    return method


def test_it_learns_with_steps_of_its_own():
    rows = []
    fitted(context(30, initial_std=0.1, log=lambda step, losses: rows.append(losses)))
    assert list(rows[0]) == ["discriminator", "adversarial", "contrast", "identity_contrast"]
    first, last = (np.mean([row["contrast"] for row in part]) for part in (rows[:5], rows[-5:]))
    assert last < 0.9 * first


def test_it_translates_one_way_and_is_saved_with_what_translates(tmp_path):
    method = fitted(context(STEPS))
    images = training_set().source.images[0]
    harmonized = method.translate(images)
    assert harmonized.shape == images.shape
    assert not method.has_backward
    with pytest.raises(ValueError, match="does not translate from target to source"):
        method.translate(images, Direction.BACKWARD)
    method.save(tmp_path / "model")
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"generator.safetensors", "model.json"}
    again = OneSided(Strict())
    again.load(tmp_path / "model")
    np.testing.assert_array_equal(again.translate(images), harmonized)
    assert again.parameters == sum(p.numel() for p in again.network.get_submodule("generator").parameters())


def test_the_same_identity_gives_the_same_bits():
    first, second = (fitted(context(STEPS)).network.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
