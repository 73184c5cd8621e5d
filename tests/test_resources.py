"""What a training asks for is enough for what processes took, and not much more."""

from functools import partial

import pytest

from benchmark.pipeline import resources

# Largest resident memory in MiB, measured: width, rows and columns, batch.
AUTOENCODERS = [
    (64, (224, 192), 2, 1864),
    (64, (224, 192), 6, 3983),
    (64, (224, 192), 8, 5038),
    (64, (224, 192), 12, 6779),
    (64, (224, 192), 20, 11981),
]
RECOMPUTING_AUTOENCODERS = [
    (64, (128, 128), 8, 1409),
    (64, (128, 128), 32, 1938),
    (64, (128, 128), 64, 2996),
    (64, (256, 256), 4, 1685),
    (64, (256, 256), 16, 3006),
]
TRAININGS = [
    (8, (64, 64), 2, 932),
    (32, (64, 64), 2, 1729),
    (64, (64, 64), 2, 3821),
    (8, (256, 256), 2, 1152),
    (64, (128, 128), 4, 5711),
]

keeping, recomputing = (partial(resources.autoencoder, recompute=recompute) for recompute in (False, True))


@pytest.mark.parametrize(
    ("asked", "width", "shape", "batch", "took"),
    [
        *((keeping, *sizes) for sizes in AUTOENCODERS),
        *((recomputing, *sizes) for sizes in RECOMPUTING_AUTOENCODERS),
        *((resources.training, *sizes) for sizes in TRAININGS),
    ],
)
def test_enough_is_asked_for_and_not_much_more(asked, width, shape, batch, took):
    took *= 2**20 / 1e6
    assert took < asked(width, shape, batch) <= max(resources.SMALLEST, 1.3 * took)


def test_larger_ones_ask_for_more():
    assert keeping(64, (224, 192), 64) == 38400
    assert recomputing(64, (256, 256), 64) == 11800
    assert resources.training(64, (256, 256), 2) == 11400
