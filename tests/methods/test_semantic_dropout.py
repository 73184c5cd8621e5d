"""What semantic dropout keeps, and how often."""

from collections import Counter

import numpy as np
import pytest
import torch

from benchmark.methods.crops import Crops
from benchmark.methods.registry import create

DRAWS = 400


def crops(classes, value):
    """A row for each class, the background first; every pixel bright, the background too."""
    labels = torch.tensor([0, *classes]).view(1, -1, 1).expand(2, -1, 3)
    return Crops(torch.full((2, 1, len(classes) + 1, 3), value), labels)


def draws(probability, source, target, count=DRAWS):
    method, random = create("semgan", {"semantic_dropout": probability}), np.random.default_rng(0)
    return [method.augment(source, target, random) for _ in range(count)]


def kept_classes(dropped):
    return frozenset(dropped.labels.unique().tolist()) - {0}


SOURCE, TARGET = crops((1, 2, 3, 4), 0.5), crops((1, 2, 3, 5), -0.25)


def test_happens_as_often_as_asked():
    dropped = sum(source.kept is not None for source, _ in draws(0.3, SOURCE, TARGET, 2000))
    assert dropped / 2000 == pytest.approx(0.3, abs=0.03)  # three standard deviations
    assert all(source is SOURCE and target is TARGET for source, target in draws(0.0, SOURCE, TARGET))


def test_every_non_empty_subset_of_the_common_classes_is_equally_likely():
    counts = Counter(kept_classes(source) for source, _ in draws(1.0, SOURCE, TARGET, 1400))
    subsets = [{1}, {2}, {3}, {1, 2}, {1, 3}, {2, 3}, {1, 2, 3}]
    assert set(counts) == {frozenset(s) for s in subsets}
    assert all(count == pytest.approx(200, abs=55) for count in counts.values())  # four standard deviations


def test_both_domains_keep_the_same_classes():
    for source, target in draws(1.0, SOURCE, TARGET):
        assert kept_classes(source) == kept_classes(target) != frozenset()


def test_what_is_dropped_becomes_background_and_does_not_count():
    for before, after in zip((SOURCE, TARGET), draws(1.0, SOURCE, TARGET, 1)[0], strict=True):
        dropped = ~torch.isin(before.labels, torch.tensor([0, *kept_classes(after)]))
        assert dropped.any()
        assert torch.equal(after.kept[:, 0], ~dropped)
        assert (after.images[:, 0][dropped] == -1).all()
        assert (after.labels[dropped] == 0).all()


def test_what_is_kept_and_the_background_stay_as_they_are():
    for source, target in draws(1.0, SOURCE, TARGET):
        for before, after in ((SOURCE, source), (TARGET, target)):
            stays = after.kept[:, 0]
            assert stays[:, 0].all()  # the row of the background
            assert torch.equal(after.images[:, 0][stays], before.images[:, 0][stays])
            assert torch.equal(after.labels[stays], before.labels[stays])


def test_batches_without_a_common_class_stay_as_they_are():
    source, target = crops((1, 2), 0.5), crops((3,), 0.5)
    assert all(after == (source, target) for after in draws(1.0, source, target))


def test_translations_do_not_show_the_dropped_pixels():
    source, _ = draws(1.0, SOURCE, TARGET, 1)[0]
    shown = source.keep(torch.full_like(source.images, 0.7))
    assert torch.equal(shown == -1, ~source.kept)
    assert torch.equal(SOURCE.keep(shown), shown)


def test_is_not_applicable_to_sparse_labels():
    method = create("semgan", {})
    assert "sparse" in method.not_applicable("sparse")
    assert method.not_applicable("dense") is None
