"""What is measured of a prepared subject, what is usual, and what it means when it is not."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """One measure of ``benchmark.preparation.quality``.

    Attributes:
        key: its name in ``subject.json``.
        digits: after the decimal point, as it is shown.
        low, high: what a value that is too low, or too high, is called; None where that is no fault.
        spread: least spread between subjects that matters, in the measure's unit; of ratios, relative. It keeps a
            scanner whose subjects hardly differ from flagging a trifle.
        ratio: compared by its logarithm.
        bounds: lowest and highest value that is no fault, however other subjects are.
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


# Bounds of the brain's volume: healthy adults' skulls hold 1469 ± 102 mL (men) and 1289 ± 111 mL (women), of which
# 1302 ± 112 and 1143 ± 105 mL are brain (Matsumae et al., J Neurosurg 84: 982-991, 1996). Masks hold something between
# the two. 3.5 deviations below a woman's brain leave room for atrophy; the upper bound is five above what a man's skull
# holds, and the 220 mL of a margin of some 3 mm, half a voxel of the coarsest scans. Other bounds and all spreads are
# by assumption: docs/quality.md says what they were tried on.
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
    ),
    "oct": (
        Measure("brightness", "Brightness", "of the range", 2, "intensity: dark", "intensity: bright", 0.1, ratio=True),
        Measure("contrast", "Contrast", "deviations", 1, "weak signal", None, 0.5, bounds=(1, math.inf)),
        Measure("retina", "Retina", "", 2, "tiny retina", "large retina", 0.1, ratio=True, bounds=(0.05, 0.95)),
        Measure("weakest", "Darkest B-scan", "of the median", 2, "a dark B-scan", None, 0.05, bounds=(0.5, math.inf)),
        Measure("empty", "Empty B-scans", "", 2, None, "B-scans without a retina", 0.02, bounds=(0, 0.1)),
    ),
}
"""By the kind of preparation, in the order in which they are shown."""
