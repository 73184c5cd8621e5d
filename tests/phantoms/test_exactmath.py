"""The package's own functions against NumPy's and SciPy's, and random streams against fixed numbers."""

import numpy as np
import pytest
from scipy import special, stats

from benchmark.phantoms import exactmath
from benchmark.phantoms.streams import Stream, mask_indices

TOLERANCE = 1e-14


@pytest.fixture
def numbers():
    return np.random.default_rng(0)


def test_exp(numbers):
    x = np.concatenate([numbers.uniform(-700, 700, 5000), numbers.uniform(-1, 1, 5000), [0.0]])
    np.testing.assert_allclose(exactmath.exp(x), np.exp(x), rtol=TOLERANCE, atol=0)
    assert exactmath.exp(-1000.0)[0] == 0.0
    with pytest.raises(ValueError, match="overflows"):
        exactmath.exp([0.0, 701.0])


def test_log(numbers):
    x = np.concatenate([10.0 ** numbers.uniform(-300, 300, 5000), 1.0 + numbers.uniform(-1e-3, 1e-3, 5000), [1.0]])
    np.testing.assert_allclose(exactmath.log(x), np.log(x), rtol=TOLERANCE, atol=1e-18)
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="positive"):
            exactmath.log([1.0, wrong])


def test_sin_cos(numbers):
    x = numbers.uniform(-np.pi / 2, np.pi / 2, 5000)
    sine, cosine = exactmath.sin_cos(x)
    np.testing.assert_allclose(sine, np.sin(x), rtol=TOLERANCE, atol=0)
    np.testing.assert_allclose(cosine, np.cos(x), rtol=0, atol=1e-15)
    with pytest.raises(ValueError, match="quarter turn"):
        exactmath.sin_cos(2.0)


def test_normal_quantile(numbers):
    """In the centre, in the flanks, and out in the tails."""
    p = np.concatenate([numbers.uniform(0, 1, 5000), 10.0 ** numbers.uniform(-15, -1, 5000), [0.075, 0.925, 0.5]])
    np.testing.assert_allclose(exactmath.normal_quantile(p), special.ndtri(p), rtol=TOLERANCE, atol=0)
    assert exactmath.normal_quantile(p.reshape(-1, 1)).shape == (p.size, 1)


def test_streams_never_change():
    """Other numbers would change every phantom."""
    uniform, normal = Stream("ixi", "tiny", "IXI701").uniform(3), Stream("ixi", "tiny", "IXI701").normal(2)
    assert uniform.tolist() == [0.315553274554499, 0.6073873807689784, 0.5835632629957238]
    assert normal.tolist() == [-0.4801699547067073, 0.2725160676066709]


def test_streams_of_other_keys_are_independent():
    a, b = Stream("retouch", 1, 23).normal(20000), Stream("retouch", 12, 3).normal(20000)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03


def test_distributions():
    stream = Stream("test")
    assert stats.kstest(stream.normal(20000), "norm").pvalue > 0.01
    assert stats.kstest(stream.uniform(20000, 2.0, 5.0), "uniform", (2.0, 3.0)).pvalue > 0.01
    assert all(abs(stream.gauss(1.0, 2.0, limit=1.5) - 1.0) <= 3.0 for _ in range(200))
    np.testing.assert_allclose(np.linalg.norm(stream.direction(3)), 1.0)


def test_normal_numbers_do_not_depend_on_how_many_are_drawn_at_once():
    np.testing.assert_array_equal(Stream("test").normal(150_000)[:70_000], Stream("test").normal(70_000))


def test_mask_indices_lie_in_the_mask():
    mask = np.zeros((5, 6, 7), dtype=bool)
    mask[2, 3:5, 1:4] = True
    chosen = mask_indices(mask, Stream("test"), 200)
    assert mask[tuple(chosen.T)].all()
    assert len(np.unique(chosen, axis=0)) == 6
