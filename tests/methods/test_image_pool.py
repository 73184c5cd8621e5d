"""The memory of made images that the official CycleGAN shows its discriminators."""

import numpy as np
import pytest
import torch

from methods.cyclegan import ImagePool


def image(value):
    return torch.full((1, 1, 2, 2), float(value))


def shown(size, count, seed=0):
    pool, random = ImagePool(size), np.random.default_rng(seed)
    return [int(pool.exchange(image(i), random)[0, 0, 0, 0]) for i in range(count)]


def test_shows_the_latest_while_it_fills():
    assert shown(size=50, count=50) == list(range(50))


def test_then_shows_the_latest_half_of_the_time_and_else_one_of_the_past():
    later = list(enumerate(shown(size=20, count=1020)))[20:]
    assert sum(i == value for i, value in later) / 1000 == pytest.approx(0.5, abs=0.06)
    assert all(value <= i for i, value in later)


def test_forgets_what_it_showed():
    past = [value for i, value in enumerate(shown(size=20, count=1020)) if i != value]
    assert len(set(past)) == len(past)


def test_exchanges_images_one_by_one():
    pool, random = ImagePool(2), np.random.default_rng(0)
    batch = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 1, 2, 2)
    given = pool.exchange(batch, random)
    assert given.shape == batch.shape
    assert given[:2, 0, 0, 0].tolist() == [0, 1]
    assert set(given[:, 0, 0, 0].tolist()) <= set(range(8))
