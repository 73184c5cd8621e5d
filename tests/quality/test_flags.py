"""Outliers are outliers of their own scanner, bounds hold for all, and a trifle is no flag."""

import math

import pytest

from benchmark.archives.measures import MEASURES, Measure
from benchmark.reporting.quality.flags import FEWEST, Scored, flags, usual_values

PLAIN = Measure("plain", "Plain", "mm", 1, "low", "high", 0.1)
RATIO = Measure("ratio", "Ratio", "", 2, "weak", "strong", 0.1, ratio=True)
HIGH_ONLY = Measure("high", "High", "", 2, None, "high", 0.1)
BOUNDED = Measure("bounded", "Bounded", "mL", 0, "tiny", "large", 1.0, bounds=(775, 2200))


def subjects(measure: Measure, *values: float, domain: str = "AA") -> list[Scored]:
    return [Scored(f"{domain}{i}", domain, {measure.key: v}) for i, v in enumerate(values)]


def found(measure: Measure, *values: float) -> dict[str, str]:
    return {f.subject: f.reason for f in flags([measure], subjects(measure, *values))}


def test_an_outlier_on_either_side():
    assert found(PLAIN, 10, 11, 12, 13, 14, 30) == {"AA5": "high"}
    assert found(PLAIN, 10, 11, 12, 13, 14, -9) == {"AA5": "low"}
    assert found(PLAIN, 10, 11, 12, 13, 14, 15) == {}


def test_the_range_is_the_modified_z_score():
    """Median 12, median absolute deviation 1; a z-score of 3.5 is 3.5 / 0.6745 deviations away."""
    usual = usual_values(PLAIN, [10, 11, 12, 13, 14])
    assert (usual.low, usual.high) == pytest.approx((12 - 3.5 / 0.6745, 12 + 3.5 / 0.6745), rel=1e-3)


def test_several_outliers_do_not_hide_each_other():
    assert set(found(PLAIN, 10, 10.5, 11, 11.5, 12, 500, 600)) == {"AA5", "AA6"}


def test_a_side_on_which_nothing_is_a_fault():
    assert found(HIGH_ONLY, 1, 1, 1, 1, 1, -50, 50) == {"AA6": "high"}


def test_differences_that_do_not_matter_are_none_even_where_all_others_are_equal():
    assert found(PLAIN, 1, 1, 1, 1, 1, 1.3) == {}
    assert found(PLAIN, 1, 1, 1, 1, 1, 1.4) == {"AA5": "high"}


def test_ratios_are_compared_by_their_logarithm():
    assert found(RATIO, 100, 100, 100, 100, 100, 139) == {}
    assert found(RATIO, 100, 100, 100, 100, 100, 1000) == {"AA5": "strong"}
    assert found(RATIO, 100, 100, 100, 100, 100, 10) == {"AA5": "weak"}
    assert found(RATIO, 100, 100, 100, 100, 100, 0) == {"AA5": "weak"}


def test_too_few_subjects_have_bounds_alone():
    assert found(BOUNDED, *[1400] * (FEWEST - 2), 2000) == {}
    assert found(BOUNDED, *[1400] * (FEWEST - 1), 2000) == {f"AA{FEWEST - 1}": "large"}
    assert found(BOUNDED, 1400, 300) == {"AA1": "tiny"}


def test_bounds_hold_where_a_whole_scanner_is_beyond_them():
    assert len(found(BOUNDED, *[300 + i for i in range(6)])) == 6


def test_scanners_are_not_compared_with_each_other():
    all_subjects = [*subjects(PLAIN, 1, 2, 3, 4, 5), *subjects(PLAIN, 101, 102, 103, 104, 105, domain="BB")]
    assert flags([PLAIN], all_subjects) == []


def test_subjects_that_lose_their_labels_are_flagged():
    for kind in ("mri", "oct"):
        all_subjects = [Scored(str(share), "AA", {"kept": share}) for share in (0.0, 0.45, 0.55, 1.1)]
        said = [flag.text for flag in flags(MEASURES[kind], all_subjects)]
        assert said == [f"labels lost (labels kept {s} of their volume; usual from 0.50)" for s in ("0.00", "0.45")]


def test_what_was_not_measured_is_not_flagged():
    all_subjects = [*subjects(PLAIN, 1, 1, 1, 1, 1), Scored("AA9", "AA", {})]
    assert flags([PLAIN, RATIO], all_subjects) == []


def test_a_flag_says_reason_value_and_what_is_usual():
    (flag,) = flags([BOUNDED], subjects(BOUNDED, 1400, 300))
    assert flag.text == "tiny (bounded 300 mL; usual from 775 up to 2200)"
    (flag,) = flags([HIGH_ONLY], subjects(HIGH_ONLY, 1, 1, 1, 1, 1, 9))
    assert flag.text == "high (high 9.00; usual up to 1.35)"


@pytest.mark.parametrize("kind", MEASURES)
def test_every_bound_and_every_reason_belong_together(kind):
    for measure in MEASURES[kind]:
        assert measure.low or measure.high
        assert measure.low or measure.bounds[0] in (-math.inf, 0)
        assert measure.high or measure.bounds[1] == math.inf
