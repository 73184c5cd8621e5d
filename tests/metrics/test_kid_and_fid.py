"""What the metrics make of features; the distances themselves are in test_distances.py."""

from dataclasses import replace

import pytest
import torch

from benchmark.config.base import Strict
from benchmark.metrics.fid import FrechetInceptionDistance, fid
from benchmark.metrics.kid import KernelInceptionDistance, KidOptions
from benchmark.metrics.view import CellView, PairView
from benchmark.results.real_images import TRAINING_FEATURES

DIMENSIONS = 3


@pytest.fixture
def featured(view, monkeypatch):
    """The cell with features of 4 slices a subject: source and target as given, harmonized between them."""

    def give(source_shift, target_shift):
        random = torch.Generator().manual_seed(0)

        def draw(subjects, shift):
            return {s: torch.randn(4, DIMENSIONS, generator=random).double() + shift for s in subjects}

        real = {
            side: draw(view.pair.subjects(side), s) for side, s in (("source", source_shift), ("target", target_shift))
        }
        middle = draw(view.subjects, (source_shift + target_shift) / 2)
        monkeypatch.setattr(PairView, "features", lambda self, side: real[side])
        monkeypatch.setattr(CellView, "features", middle)
        return view

    return give


def rows(metric, view):
    return {row.metric: row for row in metric.compute(view)}


def test_the_share_of_the_gap_is_scale_free(featured):
    found = rows(KernelInceptionDistance(KidOptions(subset_size=6)), featured(0.0, 3.0))
    assert 0 < found["kid"].value < found["kid_before"].value
    assert found["kid_gap_closed"].value == pytest.approx(1 - found["kid"].value / found["kid_before"].value)
    assert found["kid_std"].value > 0


def test_a_subset_that_holds_everything_has_no_spread(featured, monkeypatch):
    view = featured(0.0, 3.0)
    monkeypatch.setattr(PairView, "slice_count", lambda self, side: sum(map(len, self.features(side).values())))
    assert rows(KernelInceptionDistance(KidOptions(subset_size=8)), view)["kid_std"].status == "ok"  # 8 of 12 slices
    view.pair.features("source").popitem()
    view.features.popitem()
    found = rows(KernelInceptionDistance(KidOptions(subset_size=50)), view)
    assert found["kid_subset_size"].value == 8
    assert found["kid_std"].status == "skipped"
    assert found["kid_std"].reason.endswith("slices holds all of both sets")
    assert found["kid"].value > 0


def test_no_share_is_closed_of_no_gap(featured):
    view = featured(0.0, 0.0)
    subsets = [rows(KernelInceptionDistance(KidOptions(subset_size=8)), view)]
    before = subsets[0]["kid_before"].value
    assert before <= 0, "the draw of this test has a distance below zero, as unbiased estimates do"
    assert subsets[0]["kid_gap_closed"].status == "skipped"
    assert subsets[0]["kid_gap_closed"].reason.startswith("there is no gap: KID is -")


def test_a_pair_that_differs_no_more_than_halves_of_the_target_is_unfit_and_has_no_share(featured):
    """Subjects differ far more than scanners: before, a share of that gap was given."""
    view = featured(0.1, 0.0)
    target = view.pair.features("target")
    target["b5"] += 3
    metric = KernelInceptionDistance(KidOptions(subset_size=4))
    floor, deviation = metric.of_real_images(view.pair, "target")
    assert (deviation.metric, deviation.status) == ("kid_std", "skipped")  # halves of 4 slices
    found = rows(metric, view)
    assert (floor.metric, floor.subject) == ("kid", "all")
    assert 0 < found["kid_before"].value < floor.value
    assert found["kid_unfit"].value == 1
    assert "and its floor " in found["kid_gap_closed"].reason
    target["b5"] -= 3
    view = featured(3.0, 0.0)
    assert rows(metric, view)["kid_unfit"].value == 0
    assert rows(metric, view)["kid_gap_closed"].status == "ok"
    assert list(metric.of_real_images(view.pair, "source")) == []


def test_the_floor_is_of_halves_of_test_subjects_or_of_training_subjects_where_one_is_tested(featured, monkeypatch):
    view, metric = featured(1.0, 0.0), KernelInceptionDistance(KidOptions(subset_size=4))
    assert not view.pair.halves_are_of_training
    one, other = view.pair.target_halves()
    assert [torch.equal(half[0], view.pair.features("target")[s]) for half, s in ((one, "b4"), (other, "b5"))]
    view.pair.split = replace(view.pair.split, test_target=("b4",))
    trained = {subject: torch.full((4, DIMENSIONS), i).double() for i, subject in enumerate(("b1", "b2", "b3"))}
    read = {TRAINING_FEATURES: trained}
    monkeypatch.setattr(PairView, "_read_features", lambda self, group, subjects: {s: read[group][s] for s in subjects})
    one, other = view.pair.target_halves()
    assert ([float(f[0, 0]) for f in one], [float(f[0, 0]) for f in other]) == ([0, 2], [1])
    view.pair.split = replace(view.pair.split, train_target=("b1",))
    floor, _ = metric.of_real_images(view.pair, "target")
    assert floor.reason == rows(metric, view)["kid_unfit"].reason == "two halves take two subjects of the target"
    assert rows(metric, view)["kid_gap_closed"].status == "ok"  # no floor is known that it could be under


def test_fid_is_of_all_slices_where_there_are_more_than_features(featured):
    view = featured(0.0, 1.0)
    metric = FrechetInceptionDistance(Strict())
    assert "IXI only" in metric.not_applicable(view)
    view.pair.dataset = view.pair.dataset.model_copy(update={"fid": True})
    assert metric.not_applicable(view) is None
    stacked = [torch.cat(list(f.values())) for f in (view.features, view.pair.features("target"))]
    assert rows(metric, view)["fid"].value == pytest.approx(fid(*stacked))
    found = view.pair.features("target")
    found |= {subject: torch.zeros(4, 8).double() for subject in found}  # as many as slices of the target
    assert "needs more test slices of each scanner than the 8 features; there are 8" in metric.not_applicable(view)
