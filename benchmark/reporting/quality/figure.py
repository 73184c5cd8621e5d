"""Each measure by scanner: subjects are points, the usual range is a band, flagged subjects are named."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.archives.measures import Measure
from benchmark.reporting import style
from benchmark.reporting.quality.flags import Flag, Scored, usual_ranges

COLUMNS, WIDTH, HEIGHT = 4, 10.0, 2.3  # inches
_HALF = 0.32  # half width of a scanner's points; scanners are 1 apart
_NAMED = 8  # most names in a panel


def draw_measures(
    measures: Sequence[Measure], domains: Sequence[str], subjects: Sequence[Scored], found: Sequence[Flag]
) -> Figure:
    """One panel for each measure with a value; scanners in the order of ``domains``."""
    shown = [m for m in measures if any(m.key in s.values for s in subjects)]
    rows = -(-len(shown) // COLUMNS)
    made = style.figure(height=rows * HEIGHT, width=WIDTH)
    grid = made.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    for axes, measure in zip(grid, shown, strict=False):
        _draw(axes, measure, domains, subjects, {f.subject for f in found if f.measure == measure})
    return made


def _draw(axes: Axes, measure: Measure, domains: Sequence[str], subjects: Sequence[Scored], odd: set[str]) -> None:
    ranges = usual_ranges([measure], subjects)
    for place, domain in enumerate(domains):
        own = [s for s in subjects if s.domain == domain and measure.key in s.values]
        values = np.array([s.values[measure.key] for s in own])
        # In the order of the subjects: the picture is reproducible.
        x = place + np.linspace(-_HALF, _HALF, len(own) + 2)[1:-1]
        flagged = np.array([s.subject in odd for s in own], bool)
        axes.scatter(x[~flagged], values[~flagged], s=7, color=style.BLUE, linewidths=0)
        axes.scatter(x[flagged], values[flagged], s=22, color=style.VERMILLION, marker="^", linewidths=0)
        for i in np.flatnonzero(flagged)[:_NAMED]:
            axes.annotate(
                own[i].subject, (x[i], values[i]), (0, 3), textcoords="offset points", fontsize=4.5, ha="center"
            )
    limits = axes.get_ylim()
    for place, domain in enumerate(domains):
        if usual := ranges.get((domain, measure.key)):
            low, high = max(usual.low, limits[0]), min(usual.high, limits[1])
            axes.fill_between([place - 0.42, place + 0.42], low, high, color=style.GREY, alpha=0.18, linewidth=0)
    axes.set(xlim=(-0.6, len(domains) - 0.4), ylim=limits, xticks=range(len(domains)), title=measure.head)
    axes.set_xticklabels(domains)
