"""Quality measures of a prepared subject: names, usual spread, and what unusual values mean."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """One measure of ``benchmark.preparation.quality``.

    Attributes:
        key: its name in ``subject.json``.
        digits: shown after the decimal point.
        low, high: names of a value that is too low or too high; None if that is no fault.
        spread: smallest relevant spread between subjects, in the measure's unit, or relative for ratios. It prevents
            flags for tiny differences if all subjects of a scanner are alike.
        ratio: whether logarithms are compared.
        bounds: lowest and highest acceptable value, independent of other subjects.
    """

    key: str
    title: str
    unit: str
    digits: int
    low: str | None
    high: str | None
    spread: float
    ratio: bool = False
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @property
    def head(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def shown(self, value: float) -> str:
        return f"{value:.{self.digits}f}"


_KEPT = Measure("kept", "Labels kept", "of their volume", 2, "labels lost", None, 0.05, bounds=(0.5, math.inf))
# Bounds of the brain's volume: intracranial volumes of healthy adults are 1469 ± 102 mL (men) and 1289 ± 111 mL
# (women), of which 1302 ± 112 and 1143 ± 105 mL are brain (Matsumae et al., J Neurosurg 84: 982-991, 1996); masks lie
# between. The lower bound is 3.5 deviations below a woman's brain, to allow for atrophy; the upper one is five
# deviations above a man's intracranial volume, plus 220 mL for a margin of 3 mm, half a voxel of the coarsest scans.
# Other bounds and all spreads are assumptions: docs/quality.md says on what they were tried.
MEASURES: dict[Literal["mri", "oct"], tuple[Measure, ...]] = {
    "mri": (
        Measure("ripple", "Ripple", "dB", 2, None, "ringing: a periodic ripple", 0.2, bounds=(-math.inf, 1.5)),
        Measure("k_space", "Filled k-space", "", 2, "ringing: k-space is cut off", None, 0.03),
        Measure("noise", "Noise", "of the median", 3, None, "noisy", 0.1, ratio=True),
        Measure("brightness", "Brightness", "file units", 0, "intensity: dark", "intensity: bright", 0.1, ratio=True),
        Measure("contrast", "Contrast", "of the median", 2, "intensity: flat", "intensity: harsh", 0.1, ratio=True),
        Measure("highlights", "Highlights", "of the median", 2, None, "intensity: bright spots", 0.1, ratio=True),
        Measure("brain", "Brain", "mL", 0, "tiny mask", "large mask", 0.05, ratio=True, bounds=(775, 2200)),
        Measure("overlap", "Overlap with the template", "Dice", 3, "registration: little overlap", None, 0.01),
        Measure("mismatch", "Mismatch", "negative nats", 3, None, "registration: unlike the template", 0.01),
        Measure(
            "growth", "Growth", "of the template", 2, "registration: shrunk", "registration: grown", 0.05, ratio=True
        ),
        Measure("beside", "Beside the slices", "", 3, None, "brain outside of the slices", 0.003, bounds=(0, 0.02)),
        _KEPT,
    ),
    "oct": (
        Measure("brightness", "Brightness", "of the range", 2, "intensity: dark", "intensity: bright", 0.1, ratio=True),
        Measure("contrast", "Contrast", "deviations", 1, "weak signal", None, 0.5, bounds=(1, math.inf)),
        Measure("retina", "Retina", "", 2, "tiny retina", "large retina", 0.1, ratio=True, bounds=(0.05, 0.95)),
        Measure("weakest", "Darkest B-scan", "of the median", 2, "a dark B-scan", None, 0.05, bounds=(0.5, math.inf)),
        Measure("empty", "Empty B-scans", "", 2, None, "B-scans without a retina", 0.02, bounds=(0, 0.1)),
        _KEPT,
    ),
}
"""By kind of preparation, in display order."""
