"""What a method gets and gives is held to its contract, also where it works in place."""

import numpy as np
import pytest

from benchmark.methods.classical import ClassicalMethod
from benchmark.methods.isolation import reason_of, translate
from benchmark.runtime.errors import MethodFailed


class InPlace(ClassicalMethod):
    name, title, reference, kind = "in_place", "In place", "none", "classical"

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def harmonize(self, images):
        images *= self.factor
        return images


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(-1, 1, (2, 4, 5)).astype(np.float32)


def test_images_stay_as_they_are_under_a_method_that_works_in_place(images):
    before = images.copy()
    np.testing.assert_array_equal(translate(InPlace(0.5), images), 0.5 * before)
    np.testing.assert_array_equal(images, before)


def test_values_out_of_range_are_found_under_a_method_that_works_in_place(images):
    with pytest.raises(MethodFailed, match="gave values from"):
        translate(InPlace(3.0), images)


def test_a_reason_can_be_written_as_utf8():
    assert reason_of(ValueError("caf\udce9")) == r"ValueError: caf\udce9"
