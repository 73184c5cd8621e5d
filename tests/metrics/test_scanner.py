import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.preprocessing import StandardScaler

from benchmark.metrics.scanner import ACCURACY, cross_validated_accuracy, guessed_accuracy


def subjects(count, shift, seed, spread=0.0, slices=20, dimensions=6):
    """Slices of subjects; ``spread`` is how much subjects differ from each other in every feature."""
    random = np.random.default_rng(seed)
    return [random.normal(shift, 1, (slices, dimensions)) + random.normal(0, spread, dimensions) for _ in range(count)]


def test_folds_take_the_subjects_of_each_scanner_in_turn():
    """The regression fitted by hand; both classes weigh the same, however many slices they have."""
    source, target = subjects(7, 0, 0), subjects(4, 0.6, 1, slices=9)
    recalls = {0: [], 1: []}
    for fold in range(4):
        learned = [np.concatenate([f for i, f in enumerate(side) if i % 4 != fold]) for side in (source, target)]
        features, is_target = np.concatenate(learned), np.repeat([0, 1], [len(f) for f in learned])
        scaler = StandardScaler().fit(features)
        weights = np.repeat([1 / len(f) for f in learned], [len(f) for f in learned]) * len(features) / 2
        fitted = LogisticRegression(C=1.0, tol=1e-8).fit(scaler.transform(features), is_target, weights)
        for label, side in enumerate((source, target)):
            recalls[label] += [fitted.predict(scaler.transform(f)) == label for f in side[fold::4]]
    expected = np.mean([np.concatenate(hits).mean() for hits in recalls.values()])
    assert 0.5 < expected < 0.95
    assert cross_validated_accuracy(source, target) == expected


def test_scanners_that_differ_are_told_apart():
    assert cross_validated_accuracy(subjects(3, 0, 0), subjects(3, 3, 1)) > 0.98


def test_scanners_that_do_not_differ_are_guessed():
    found = [cross_validated_accuracy(subjects(6, 0, s), subjects(6, 0, s + 100)) for s in range(5)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_the_nearest_to_a_guess_is_the_best():
    """Before, the lowest was: a classifier that is always wrong, which tells the scanners apart without fail."""
    assert min((0, 0.3, 0.55, 1), key=ACCURACY.shortfall) == 0.55
    assert ACCURACY.arrow == "→ 0.5"


@pytest.mark.parametrize(("source", "target", "expected"), [(2, 2, 1), (3, 3, 5 / 6), (5, 5, 0.8), (70, 70, 0.5857)])
def test_guesses_are_within_the_range_in_95_of_100_cases(source, target, expected):
    found = guessed_accuracy(source, target)
    assert found == pytest.approx(expected, abs=1e-4)
    random = np.random.default_rng(0)
    right = [random.binomial(n, 0.5, 20_000) / n for n in (source, target)]
    assert np.mean(np.abs(np.mean(right, axis=0) - 0.5) <= found - 0.5 + 1e-9) >= 0.945
    tighter = np.mean(np.abs(np.mean(right, axis=0) - 0.5) < found - 0.5 - 1e-9)
    assert tighter < 0.955


def test_people_are_not_taken_for_scanners():
    """Subjects that differ widely can be recognized, which must not help with those that were left out."""
    found = [cross_validated_accuracy(subjects(4, 0, s, 5), subjects(4, 0, s + 100, 5)) for s in range(10)]
    assert np.mean(found) < 0.7
    features = np.concatenate([*subjects(4, 0, 0, 5), *subjects(4, 0, 100, 5)])
    is_target = np.repeat([0, 1], len(features) // 2)
    # With a split by slice they would be recognized.
    assert cross_val_score(LogisticRegression(), features, is_target, cv=StratifiedKFold(shuffle=True)).mean() > 0.9


def test_the_scanner_with_more_slices_does_not_decide():
    many, few = subjects(2, 0, 0, slices=400), subjects(2, 1.5, 1, slices=10)
    assert cross_validated_accuracy(many, few) > 0.85
    assert cross_validated_accuracy([*many], [f * 0 for f in few]) <= 1


def test_a_constant_feature_does_no_harm():
    source, target = ([np.pad(f, ((0, 0), (0, 1)), constant_values=3) for f in subjects(2, s, s)] for s in (0, 3))
    assert cross_validated_accuracy(source, target) > 0.95
