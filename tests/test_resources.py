"""What a training asks for is enough for what processes took, and not much more."""

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
TRAININGS = [
    (8, (64, 64), 2, 846),
    (32, (64, 64), 2, 1466),
    (64, (64, 64), 2, 3443),
    (8, (256, 256), 2, 1051),
    (64, (128, 128), 4, 6246),
]


@pytest.mark.parametrize(
    ("asked", "width", "shape", "batch", "took"),
    [(resources.autoencoder, *sizes) for sizes in AUTOENCODERS] + [(resources.training, *sizes) for sizes in TRAININGS],
)
def test_enough_is_asked_for_and_not_much_more(asked, width, shape, batch, took):
    took *= 2**20 / 1e6
    assert took < asked(width, shape, batch) <= max(resources.SMALLEST, 1.3 * took)


def test_larger_ones_ask_for_more():
    assert resources.autoencoder(64, (224, 192), 64) == 38400
    assert resources.training(64, (256, 256), 2) == 10300
