"""The loop that scoring is compared with, slice by slice and with nothing shared, gives the same numbers."""

from pathlib import Path

import numpy as np
import pytest

from studies.scoring import PARTS, Size

TINY = Size((3, 35, 30), crop=16, width=2, segmentor_width=2, initial_std=0.1)


@pytest.mark.parametrize("title", PARTS)
def test_both_give_the_same_numbers(title, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    part, name, _ = PARTS[title]
    shared, naive = (work() for work in part(name, TINY))
    assert shared.size > 1
    assert np.ptp(shared[np.isfinite(shared)]) > 0
    np.testing.assert_allclose(shared, naive, rtol=1e-3, atol=1e-4)
