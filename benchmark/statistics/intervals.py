"""The one model behind intervals and tests: test subjects and seeds are crossed, and both vary.

A number of subject i and seed k is y_ik = μ + s_i + t_k + e_ik. The variance of the mean is estimated from the mean
squares of the two-way analysis of variance, its degrees of freedom after Satterthwaite (1946). Student's t is
corrected for skewed subjects by the cubic transformation of Hall (1992, J. R. Stat. Soc. B 54), which is monotone,
needs no random numbers and gives intervals that are stable to rounding.

``studies/statistics.py`` simulates coverage and error rates; docs/statistics.md has its table.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
FEWEST_SUBJECTS = 3
"""For an interval: two have no skewness."""
ENOUGH_SUBJECTS = 20
"""With fewer, intervals of strongly skewed numbers cover less than 92 %, and nothing is tested."""
ENOUGH_SEEDS = 3
"""With fewer, the variance between trainings is unknown, or known so badly that nothing could be significant."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval; the ends are NaN where there is none."""

    mean: float
    low: float
    high: float

    @property
    def apart_from_zero(self) -> bool:
        """Whether both ends are on one side of 0."""
        return self.low > 0 or self.high < 0

    def widened(self, by_seed: Numbers) -> "Interval":
        """The same interval with the error of the mean over seeds added to each arm (root of the sum of squares).

        Args:
            by_seed: mean of each seed; one says nothing of others and adds nothing.
        """
        from scipy.special import stdtrit

        if len(by_seed) < 2:
            return self
        error = by_seed.std(ddof=1) / math.sqrt(len(by_seed))
        arm = float(stdtrit(len(by_seed) - 1, (1 + CONFIDENCE) / 2)) * float(error)
        down, up = (math.hypot(max(length, 0.0), arm) for length in (self.mean - self.low, self.high - self.mean))
        return Interval(self.mean, self.mean - down, self.mean + up)


@dataclass(frozen=True)
class Estimate:
    """Mean of a table of numbers, subjects down and seeds across.

    Attributes:
        error: standard error of the mean.
        freedom: degrees of freedom of the error.
        skewness: of the mean's distribution, times √subjects: that of the subjects, less where seeds vary more.
        by_seed: mean of each seed.
    """

    mean: float
    error: float
    freedom: float
    skewness: float
    subjects: int
    by_seed: Numbers

    @classmethod
    def of(cls, values: Numbers) -> "Estimate":
        """From a complete table.

        Args:
            values: (subjects, seeds), at least 3 subjects.
        """
        n, seeds = values.shape
        mean, by_subject, by_seed = values.mean(), values.mean(axis=1), values.mean(axis=0)
        of_subjects = seeds * by_subject.var(ddof=1)
        whole, freedom = of_subjects, n - 1.0
        if seeds > 1:
            of_seeds = n * by_seed.var(ddof=1)
            left = values - by_subject[:, None] - by_seed + mean
            rest = (left**2).sum() / ((n - 1) * (seeds - 1))
            whole = max(of_subjects + of_seeds - rest, of_subjects, of_seeds)
            parts = of_subjects**2 / (n - 1) + of_seeds**2 / (seeds - 1) + rest**2 / ((n - 1) * (seeds - 1))
            freedom = whole**2 / parts if parts > 0 else n - 1.0
        share = of_subjects / whole if whole > 0 else 0.0
        return cls(
            float(mean),
            math.sqrt(whole / (n * seeds)),
            float(freedom),
            _skewness(by_subject) * share**1.5,
            n,
            by_seed,
        )

    @property
    def constant(self) -> bool:
        """Whether no number differs from another but by rounding."""
        return self.error <= 1e-12 * abs(self.mean) or self.error == 0

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the mean."""
        from scipy.special import stdtrit

        if self.constant:
            return Interval(self.mean, self.mean, self.mean)
        quantile = float(stdtrit(self.freedom, (1 + CONFIDENCE) / 2))
        root = math.sqrt(self.subjects)
        low, high = (_inverse(q / root, self.skewness, self.subjects) * root for q in (quantile, -quantile))
        return Interval(self.mean, self.mean - self.error * low, self.mean - self.error * high)

    @property
    def p(self) -> float:
        """Two-sided p of the hypothesis that the mean is 0: the largest of three tests.

        Student's t holds its error rate for symmetric numbers, the same with twice the skewness in the transformation
        for skewed ones, and Student's t of the means of seeds where seeds vary most.
        """
        from scipy.special import stdtr

        if self.constant:
            return 1.0 if self.mean == 0 else 0.0
        root = math.sqrt(self.subjects)
        statistic = self.mean / self.error
        skewed = root * _transformed(statistic / root, 2 * self.skewness, self.subjects)
        tests = [(statistic, self.freedom), (skewed, self.freedom)]
        if len(self.by_seed) > 1 and (spread := self.by_seed.std(ddof=1)) > 0:
            tests.append((self.mean / (spread / math.sqrt(len(self.by_seed))), len(self.by_seed) - 1))
        return max(float(2 * stdtr(freedom, -abs(value))) for value, freedom in tests)


def _transformed(value: float, skewness: float, subjects: int) -> float:
    """Hall's transformation of (mean - μ) / standard deviation."""
    return value + skewness * value**2 / 3 + skewness**2 * value**3 / 27 + skewness / (6 * subjects)


def _inverse(value: float, skewness: float, subjects: int) -> float:
    """The inverse of :func:`_transformed`."""
    if abs(skewness) < 1e-9:
        return value
    return 3 / skewness * (float(np.cbrt(1 + skewness * (value - skewness / (6 * subjects)))) - 1)


def _skewness(values: Numbers) -> float:
    """Adjusted Fisher-Pearson coefficient (G1); 0 where all values are equal up to rounding."""
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        return 0.0
    n, centred = len(values), values - values.mean()
    return float(math.sqrt(n * (n - 1)) / (n - 2) * (centred**3).mean() / (centred**2).mean() ** 1.5)


def crossed(values: Numbers, mean: float) -> Numbers:
    """Numbers with labels and gaps as one complete table of subjects and seeds.

    A number's share in the mean over labels is that of its label, and a gap has the mean of its label: the table's mean
    is then the given one, and its variance that of the mean (linearization, as in survey statistics).

    Args:
        values: (subjects, seeds, labels), NaN for gaps; each label has a number.
        mean: of the table: over subjects and seeds, then over labels.

    Returns:
        (subjects, seeds).
    """
    there = ~np.isnan(values)
    centres = np.nanmean(values, axis=(0, 1))
    shares = there.mean(axis=(0, 1))
    return mean + (np.where(there, values - centres, 0) / shares).mean(axis=2)


def mean_over_labels(values: Numbers) -> float:
    """For each label the mean over subjects, then the mean over labels; missing numbers (NaN) are left out.

    Args:
        values: (subjects, labels), at least one number.
    """
    columns = [column[~np.isnan(column)] for column in values.T]
    return float(np.mean([column.mean() for column in columns if len(column)]))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: adjusted p-values in the given order (Holm 1979)."""
    adjusted = np.zeros(len(p_values))
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted.tolist()
