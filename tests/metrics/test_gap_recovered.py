import math

import numpy as np
import pytest

from benchmark.config.base import Strict
from benchmark.metrics.gap_recovered import LEAST_GAP, GapRecovered, gap_recovered


@pytest.mark.parametrize(("harmonized", "share"), [(0.4, 0), (0.8, 1), (0.6, 0.5), (0.3, -0.25), (0.9, 1.25)])
def test_share_of_the_gap(harmonized, share):
    assert gap_recovered(harmonized, cross=0.4, in_domain=0.8) == pytest.approx(share)


@pytest.mark.parametrize("in_domain", [0.5, 0.8, 0.82])
def test_no_share_of_no_gap_or_a_small_one(in_domain):
    """Of a gap of 0.02, a Dice of 0.6 was a share of -10, and decided the mean over classes."""
    assert math.isnan(gap_recovered(0.6, cross=0.8, in_domain=in_domain))
    assert gap_recovered(0.6, cross=0.8, in_domain=0.8 + 1.01 * LEAST_GAP) == pytest.approx(-3.96, abs=0.01)


def segmented(view, monkeypatch, source, target, harmonized):
    """Segmentations that miss so many rows of the labels' core, by subject."""

    def missing(subject, rows):
        labels = np.array(view.pair.store.labels(subject))
        top = np.flatnonzero((labels == 1).any(axis=(0, 2)))[0]
        labels[:, top : top + rows] = 0
        return labels

    real = {side: {s: missing(s, rows[s]) for s in rows} for side, rows in (("source", source), ("target", target))}
    monkeypatch.setattr(type(view.pair), "predictions", lambda self, segmentor, images: real[segmentor])
    view.predictions = {s: missing(s, harmonized[s]) for s in view.subjects}
    return list(GapRecovered(Strict()).compute(view))


def test_is_of_means_over_subjects_and_leaves_out_classes_without_gap(view, monkeypatch):
    subjects = view.subjects
    rows = segmented(
        view,
        monkeypatch,
        source=dict.fromkeys(subjects, 0),
        target=dict(zip(subjects, (4, 2, 1), strict=True)),
        harmonized=dict(zip(subjects, (2, 1, 0), strict=True)),
    )
    cross = {(r.subject, r.label): r.value for r in rows if r.metric == "dice_cross"}
    assert cross["a3", "core"] < cross["a4", "core"] < cross["a5", "core"] < 1
    (share,) = [r for r in rows if r.metric == "gap_recovered" and r.label == "core"]
    harmonized = [2 * kept / (1 + kept) for kept in _kept(view, (2, 1, 0))]
    crossed = [2 * kept / (1 + kept) for kept in _kept(view, (4, 2, 1))]
    assert [cross[s, "core"] for s in subjects] == pytest.approx(crossed)
    expected = (np.mean(harmonized) - np.mean(crossed)) / (1 - np.mean(crossed))
    assert share.value == pytest.approx(expected)
    (none,) = [r for r in rows if r.metric == "gap_recovered" and r.label == "spot"]
    assert none.reason == "no gap of 0.05 or more: Dice 1.000 across domains, 1.000 within the source domain"


def _kept(view, missing):
    """Share of the core's voxels that is left without its first rows."""
    for subject, rows in zip(view.subjects, missing, strict=True):
        core = view.pair.store.labels(subject) == 1
        top = np.flatnonzero(core.any(axis=(0, 2)))[0]
        yield 1 - core[:, top : top + rows].sum() / core.sum()


def test_no_subject_with_all_three_scores_is_no_score(view, monkeypatch):
    monkeypatch.setattr(view.pair.store, "labels", lambda s: np.zeros((4, 36, 28), np.uint8))
    nothing = {s: np.zeros((4, 36, 28), np.uint8) for s in view.subjects}
    monkeypatch.setattr(type(view.pair), "predictions", lambda self, segmentor, images: nothing)
    view.predictions = nothing
    rows = list(GapRecovered(Strict()).compute(view))
    assert {r.status for r in rows} == {"skipped"}
    assert {r.reason for r in rows if r.metric == "gap_recovered"} == {"no subject has all three Dice scores"}
