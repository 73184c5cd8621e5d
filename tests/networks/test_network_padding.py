"""Padding to a multiple and back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from network_reference import images

from benchmark.networks.padding import crop_back, pad_to_multiple

SIDES = st.integers(1, 40)


def test_by_hand():
    padded = pad_to_multiple(torch.tensor([[[[0.5, 0.25, 0.0]]]]), 4)
    rows = [[-1, -1, -1, -1], [0.5, 0.25, 0, -1], [-1, -1, -1, -1], [-1, -1, -1, -1]]
    assert padded.tolist() == [[rows]]


@given(height=SIDES, width=SIDES, multiple=st.integers(1, 20))
def test_sides_become_the_next_multiples_and_cropping_undoes_it(height, width, multiple):
    x = images(2, 1, height, width)
    padded = pad_to_multiple(x, multiple)
    for before, after in zip(x.shape[2:], padded.shape[2:], strict=True):
        assert after % multiple == 0
        assert 0 <= after - before < multiple
    assert torch.equal(crop_back(padded, height, width), x)
    assert padded.sum().item() == pytest.approx(x.sum().item() - (padded.numel() - x.numel()))


def test_images_that_fit_are_not_copied():
    x = images(1, 1, 32, 48)
    assert pad_to_multiple(x, 16) is x
