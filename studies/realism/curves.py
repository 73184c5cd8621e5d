"""A figure of the distributions of phantoms and real images."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from studies.realism.brain import BINS, Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TICKS = (0.02, 0.05, 0.1, 0.2, 0.5)  # cycles per mm
SAMPLED = "PL, sampled"
"""The phantom of Philips 3 T, interpolated to 2 mm without blur."""


@dataclass
class Curves:
    """Data of the figure, by phantom or real scanner.

    Attributes:
        histograms: of each brain's intensities.
        spectra: frequencies and power of each brain.
        diameters: of all lesions of all patients, mm.
    """

    histograms: dict[str, list[Floats]] = field(default_factory=lambda: defaultdict(list))
    spectra: dict[str, list[tuple[Floats, Floats]]] = field(default_factory=lambda: defaultdict(list))
    diameters: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def draw(curves: Curves, path: Path) -> "Figure":
    """Draws histograms and spectra of T1-weighted brains (real ones in grey), lesion sizes, and spectra of FLAIR."""
    from benchmark.reporting.style import BLUE, GREY, ORANGE, VERMILLION, figure, save, styled

    with styled():
        made = figure(4.4)
        axes = made.subplots(2, 3)
        for column, groups in enumerate((("OASIS", "GE"), ("IXIHH", "PL", SAMPLED))):
            for group, colour in zip(groups, (GREY, VERMILLION, ORANGE), strict=False):
                _histograms(axes[0, column], curves.histograms[group], group, colour)
                _spectra(axes[1, column], curves.spectra[group], group, colour)
            axes[0, column].set(xlabel="intensity, white matter = 1", ylabel="share of the brain")
        for group, colour in zip(curves.diameters, (BLUE, VERMILLION, GREY), strict=True):
            found = curves.diameters[group]
            axes[0, 2].hist(found, np.arange(0.0, 26.0), histtype="step", color=colour, label=group)
            _spectra(axes[1, 2], curves.spectra[group], group, colour)
        axes[0, 2].set(xlabel="diameter, mm", ylabel="lesions")
        for panel in axes.flat:
            panel.legend()
        save(made, [path])
    return made


def _histograms(axes: "Axes", found: list[Floats], group: str, colour: str) -> None:
    centres = (BINS[:-1] + BINS[1:]) / 2.0
    for number, shares in enumerate(found):
        axes.plot(centres, shares, color=colour, linewidth=0.7, label=group if number == 0 else None)


def _spectra(axes: "Axes", found: list[tuple[Floats, Floats]], group: str, colour: str) -> None:
    for number, (frequency, power) in enumerate(found):
        axes.loglog(frequency, power, color=colour, linewidth=0.7, label=group if number == 0 else None)
    axes.set(xlabel="cycles / mm", ylabel="power")
    axes.set_xticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    axes.set_xticks([], minor=True)
