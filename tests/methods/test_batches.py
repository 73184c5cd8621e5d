"""Batches that are drawn ahead are the same as batches drawn on demand."""

import threading

import numpy as np
import pytest
from two_scanners import training_set

from benchmark.data.sampling import CropSampler, stream
from benchmark.runtime.errors import DataError
from benchmark.training.batches import Batches


def batches():
    sampler, noise = CropSampler(training_set().source, (8, 8), 2, stream("crops")), stream("noise")
    return Batches(lambda: (sampler.draw()[0], noise.random()), {"crops": sampler}, {"noise": noise})


def taken(drawn, count):
    return [(image.tobytes(), noise) for image, noise in (drawn.next() for _ in range(count))]


def test_order_and_random_numbers_are_those_of_drawing_on_demand():
    sampler, noise = CropSampler(training_set().source, (8, 8), 2, stream("crops")), stream("noise")
    expected = [(sampler.draw()[0].tobytes(), noise.random()) for _ in range(5)]
    assert taken(batches(), 5) == expected
    assert len(set(expected)) == 5


def test_a_state_leads_to_the_batches_after_the_last_one_that_was_returned():
    drawn = batches()
    start = drawn.state()
    first = taken(drawn, 4)
    state = drawn.state()  # one more has been drawn by now, or is being drawn
    expected = taken(drawn, 3)
    other = batches()
    other.restore(state)
    assert other.state() == state
    assert taken(other, 3) == expected
    drawn.restore(start)  # also while a batch is being drawn
    assert taken(drawn, 4) == first


def test_the_next_batch_is_drawn_while_the_last_one_is_in_use():
    going = threading.Semaphore(1)
    asked = threading.Semaphore(0)

    def draw():
        asked.release()
        going.acquire()
        return 1

    drawn = Batches(draw, {})
    assert drawn.next() == 1
    assert asked.acquire(timeout=10)  # the first
    assert asked.acquire(timeout=10)  # and the second, before it is asked for
    going.release()
    assert drawn.waited > 0


def test_an_error_while_drawing_is_raised_where_the_batch_is_asked_for():
    def draw():
        raise DataError("slices.h5", "is damaged", "Make it again")

    with pytest.raises(DataError, match="is damaged"):
        Batches(draw, {}).next()
    assert np.isfinite(batches().waited)
