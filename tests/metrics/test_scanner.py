import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmark.metrics.scanner import cross_validated_accuracy, logistic_regression


def subjects(count, shift, seed, spread=0.0, slices=20, dimensions=6):
    """Slices of subjects; ``spread`` is how much subjects differ from each other in every feature."""
    random = np.random.default_rng(seed)
    return [random.normal(shift, 1, (slices, dimensions)) + random.normal(0, spread, dimensions) for _ in range(count)]


def test_the_regression_is_scikit_learns():
    negatives, positives = (np.concatenate(subjects(n, s, n)) * [1, 2, 3, 4, 5, 6] + 3 for n, s in ((2, 0), (4, 0.6)))
    weights, bias = logistic_regression(negatives, positives)
    features = np.concatenate([negatives, positives])
    labels = np.repeat([0, 1], [len(negatives), len(positives)])
    scaler = StandardScaler().fit(features)
    fitted = LogisticRegression(C=1.0, class_weight="balanced", tol=1e-8).fit(scaler.transform(features), labels)
    assert features @ weights + bias == pytest.approx(fitted.decision_function(scaler.transform(features)), abs=1e-3)


def test_scanners_that_differ_are_told_apart():
    assert cross_validated_accuracy(subjects(3, 0, 0), subjects(3, 3, 1)) > 0.98


def test_scanners_that_do_not_differ_are_guessed():
    found = [cross_validated_accuracy(subjects(6, 0, s), subjects(6, 0, s + 100)) for s in range(5)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_people_are_not_taken_for_scanners():
    """Subjects that differ widely can be recognized, which must not help with those that were left out."""
    found = [cross_validated_accuracy(subjects(4, 0, s, 5), subjects(4, 0, s + 100, 5)) for s in range(10)]
    assert np.mean(found) < 0.7
    learned_and_classified = [
        np.mean(features @ weights + bias > 0) == is_target
        for source, target in [(subjects(4, 0, 0, 5), subjects(4, 0, 100, 5))]
        for weights, bias in [logistic_regression(np.concatenate(source), np.concatenate(target))]
        for is_target, side in enumerate((source, target))
        for features in side
    ]
    assert np.mean(learned_and_classified) > 0.9  # with a split by slice they would be recognized


def test_the_scanner_with_more_slices_does_not_decide():
    many, few = subjects(2, 0, 0, slices=400), subjects(2, 1.5, 1, slices=10)
    assert cross_validated_accuracy(many, few) > 0.85
    assert cross_validated_accuracy([*many], [f * 0 for f in few]) <= 1


def test_a_constant_feature_does_no_harm():
    source, target = ([np.pad(f, ((0, 0), (0, 1)), constant_values=3) for f in subjects(2, s, s)] for s in (0, 3))
    assert cross_validated_accuracy(source, target) > 0.95
