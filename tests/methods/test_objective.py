"""Eqs. 2 to 5 against numbers worked out by hand."""

import math

import pytest
import torch
import torch.nn.functional as F

from benchmark.methods.objective import (
    discriminator_loss,
    generator_loss,
    l1_loss,
    weighted_cross_entropy,
    weighted_reference,
)
from benchmark.training.trainer import Term, total


def test_discriminator_loss_is_half_of_each_mean_square():
    real, made = torch.tensor([[1.0, 0.5]]), torch.tensor([[0.0], [0.2], [0.4]])
    # ½ · (0² + 0.5²)/2 + ½ · (0² + 0.2² + 0.4²)/3
    assert discriminator_loss(real, made).item() == pytest.approx(0.0625 + 0.5 * 0.2 / 3)


def test_generator_loss_with_and_without_the_half():
    scores = torch.tensor([1.0, 0.0, 3.0, 0.5])  # squares of the distance from 1: 0, 1, 4, 0.25
    assert generator_loss(scores).item() == pytest.approx(5.25 / 8)
    assert generator_loss(scores, halved=False).item() == pytest.approx(5.25 / 4)


def test_cycle_loss_is_the_mean_of_absolute_differences():
    image, back = torch.tensor([[[[0.0, 1.0], [-1.0, 0.5]]]]), torch.tensor([[[[0.5, 1.0], [1.0, 0.25]]]])
    assert l1_loss(back, image).item() == pytest.approx((0.5 + 0 + 2 + 0.25) / 4)


def test_cycle_loss_where_only_some_pixels_count():
    image, back = torch.zeros(1, 1, 2, 2), torch.tensor([[[[0.5, 9.0], [9.0, 0.25]]]])
    kept = torch.tensor([[[[True, False], [False, True]]]])
    assert l1_loss(back, image, kept).item() == pytest.approx(0.375)


LABELS = torch.tensor([[[0, 1]]])
WEIGHTS = torch.tensor([0.2, 0.8])
# Two pixels with the probabilities (3/4, 1/4) and (1/4, 3/4).
LOGITS = torch.tensor([[[[math.log(3), 0.0]], [[0.0, math.log(3)]]]])


def test_cross_entropy_is_the_plain_mean_over_pixels():
    loss = weighted_cross_entropy(LOGITS, weighted_reference(LABELS, WEIGHTS))
    assert loss.item() == pytest.approx((0.2 + 0.8) * -math.log(3 / 4) / 2)


def test_cross_entropy_has_the_weight_of_the_reference_class():
    swapped = weighted_cross_entropy(LOGITS.flip(1), weighted_reference(LABELS, WEIGHTS))
    background = weighted_cross_entropy(LOGITS.flip(1)[..., :1], weighted_reference(LABELS[..., :1], WEIGHTS))
    assert swapped.item() == pytest.approx((0.2 + 0.8) * -math.log(1 / 4) / 2)
    assert background.item() == pytest.approx(0.2 * -math.log(1 / 4))


def test_cross_entropy_where_only_some_pixels_count():
    kept = torch.tensor([[[[False, True]]]])
    loss = weighted_cross_entropy(LOGITS, weighted_reference(LABELS, WEIGHTS), kept)
    assert loss.item() == pytest.approx(0.8 * -math.log(3 / 4))


@pytest.mark.parametrize("kept", [None, torch.tensor([[[True, False, True]]])])
def test_cross_entropy_divided_by_the_weights_is_pytorchs_weighted_mean(kept):
    logits, labels = torch.randn(2, 3, 4, 3, generator=torch.Generator().manual_seed(0)), torch.arange(24).view(2, 4, 3)
    weights, labels = torch.tensor([0.2, 0.8, 0.7]), labels % 3
    counted = torch.ones(2, 1, 4, 3, dtype=torch.bool) & (kept if kept is not None else True)
    given = (logits, weighted_reference(labels, weights), None if kept is None else counted)
    pixels = logits.permute(0, 2, 3, 1)[counted[:, 0]], labels[counted[:, 0]]
    expected = F.cross_entropy(*pixels, weights)
    torch.testing.assert_close(weighted_cross_entropy(*given, divisor="weights"), expected)
    plain = F.cross_entropy(*pixels, weights, reduction="none").mean()
    torch.testing.assert_close(weighted_cross_entropy(*given, divisor="pixels"), plain)
    torch.testing.assert_close(weighted_cross_entropy(*given), plain)


def test_equal_weights_scale_the_loss():
    halves = weighted_cross_entropy(LOGITS, weighted_reference(LABELS, torch.tensor([0.5, 0.5])))
    ones = weighted_cross_entropy(LOGITS, weighted_reference(LABELS, torch.tensor([1.0, 1.0])))
    assert halves.item() == pytest.approx(ones.item() / 2)


def test_total_weighs_its_terms():
    terms = [Term("a", 1.0, torch.tensor(0.5)), Term("b", 10.0, torch.tensor(0.25)), Term("c", 0.0, torch.tensor(7.0))]
    assert total(terms).item() == pytest.approx(3.0)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: discriminator_loss(x, x),
        generator_loss,
        lambda x: l1_loss(x, torch.zeros_like(x)),
        lambda x: weighted_cross_entropy(x, weighted_reference(torch.zeros(1, 2, 2, dtype=torch.long), WEIGHTS)),
    ],
)
def test_losses_are_in_float32_at_every_precision(loss):
    assert loss(torch.rand(1, 2, 2, 2, dtype=torch.bfloat16)).dtype == torch.float32
