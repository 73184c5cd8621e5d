"""Odd subjects: outliers within their scanner, and values that no scan should have."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.archives.measures import Measure

OUTLIER = 3.5
"""Modified z-score of an outlier (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)."""
FEWEST = 5
"""Fewest subjects of a scanner for outliers: a median of fewer says little about what is usual."""
_SIGMA = 1.4826  # of a Gaussian: standard deviation / median absolute deviation
_SMALLEST = 1e-12  # ratios of 0 are compared as this


@dataclass(frozen=True)
class Scored:
    """A prepared subject.

    Attributes:
        values: by the key of the measure; missing values are absent.
    """

    subject: str
    domain: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Usual:
    """The usual range of a measure on one scanner; an end is infinite where nothing is a fault."""

    low: float
    high: float


@dataclass(frozen=True)
class Flag:
    """A value of a subject outside the usual range."""

    subject: str
    domain: str
    measure: Measure
    value: float
    usual: Usual

    @property
    def reason(self) -> str:
        """The name of the fault."""
        found = self.measure.low if self.value < self.usual.low else self.measure.high
        return str(found)

    @property
    def text(self) -> str:
        """Reason, value and usual range."""
        show = self.measure.shown
        ends = [f"from {show(self.usual.low)}"] if math.isfinite(self.usual.low) else []
        ends += [f"up to {show(self.usual.high)}"] if math.isfinite(self.usual.high) else []
        value = f"{self.measure.title.lower()} {show(self.value)} {self.measure.unit}".rstrip()
        return f"{self.reason} ({value}; usual {' '.join(ends)})"


def usual_values(measure: Measure, values: Sequence[float]) -> Usual:
    """The usual range: the measure's bounds, and for enough subjects ``OUTLIER`` robust deviations about the median.

    Args:
        values: of all subjects of one scanner.
    """
    low, high = measure.bounds
    if len(values) >= FEWEST:
        compared = np.log(np.maximum(values, _SMALLEST)) if measure.ratio else np.asarray(values)
        median = float(np.median(compared))
        reach = OUTLIER * max(measure.spread, _SIGMA * float(np.median(np.abs(compared - median))))
        ends = median - reach, median + reach
        first, last = (math.exp(end) for end in ends) if measure.ratio else ends
        low, high = max(low, first), min(high, last)
    return Usual(low if measure.low else -math.inf, high if measure.high else math.inf)


def usual_ranges(measures: Sequence[Measure], subjects: Sequence[Scored]) -> dict[tuple[str, str], Usual]:
    """The usual range by scanner and key of measure."""
    found = {}
    for domain in dict.fromkeys(s.domain for s in subjects):
        for measure in measures:
            if values := [s.values[measure.key] for s in subjects if s.domain == domain and measure.key in s.values]:
                found[domain, measure.key] = usual_values(measure, values)
    return found


def flags(measures: Sequence[Measure], subjects: Sequence[Scored]) -> list[Flag]:
    """All flags, in the order of the subjects."""
    ranges = usual_ranges(measures, subjects)
    return [
        Flag(s.subject, s.domain, measure, s.values[measure.key], usual)
        for s in subjects
        for measure in measures
        if measure.key in s.values
        and not (usual := ranges[s.domain, measure.key]).low <= s.values[measure.key] <= usual.high
    ]
