"""One style for every figure: fonts, colours safe for the colour-blind, sizes, file formats."""

import io
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style as mpl_style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke

from benchmark.runtime.atomic import atomic_file

WIDTH = 7.16
"""Inches: both columns of an IEEE page."""
GAPS: dict[str, Any] = {"w_pad": 0.02, "h_pad": 0.02, "wspace": 0.02, "hspace": 0.02}
"""Inches around each part, and fractions of a part between parts."""
LARGEST_PANEL = 1.1
"""Inches."""

# Okabe & Ito 2008, Color Universal Design.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#777777"
CLASS_COLOURS = (GREEN, BLUE, YELLOW, ORANGE, GREY)
FALSE_POSITIVE, FALSE_NEGATIVE, CONFUSED = VERMILLION, SKY, PURPLE
LINE_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, BLACK, GREY, YELLOW)
DASHES: tuple[tuple[float, ...], ...] = ((), (4, 1.5), (1, 1), (5, 1, 1, 1), (3, 1, 1, 1, 1, 1))
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=T\b|mm\b)")

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "figure.dpi": 200,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "image.interpolation": "nearest",
    # Text stays text in PDF: selectable, searchable, embedded.
    "pdf.fonttype": 42,
    # A dollar sign in a title is one.
    "text.parse_math": False,
}


@contextmanager
def styled() -> Iterator[None]:
    """Applies the style, independently of the user's matplotlibrc."""
    with mpl_style.context(["default", RC]):
        yield


def figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure, in inches, with a constrained layout."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(**GAPS))


def panels(rows: int, columns: int, shape: tuple[int, int], *, per_row: float, extra: float) -> Figure:
    """An empty figure for a grid of slices.

    Args:
        shape: rows and columns of a slice.
        per_row: inches of text above and below each row of slices.
        extra: inches for scale and legend.
    """
    width = max(WIDTH, 0.75 * columns + 0.3)
    panel = min((width - 0.3) / columns, LARGEST_PANEL) * shape[0] / shape[1]
    layout = ConstrainedLayoutEngine(**GAPS, compress=True)
    return Figure(figsize=(width, rows * (panel + per_row) + extra), layout=layout)


def save(made: Figure, paths: Sequence[Path]) -> None:
    """Writes a figure to each path; equal figures give equal files."""
    for path in paths:
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else {"Software": None}
        # In memory first: on a full disk, the PDF writer hides the error.
        drawn = io.BytesIO()
        made.savefig(drawn, format=path.suffix[1:], metadata=metadata)
        with atomic_file(path) as temporary:
            temporary.write_bytes(drawn.getbuffer())
        # Later formats reuse the layout, which takes as long as the drawing.
        made.set_layout_engine("none")


def colours(names: Sequence[str], proposed: str) -> dict[str, str]:
    """A colour for each method; the proposed one always has the same."""
    others = [n for n in names if n != proposed]
    found = {name: LINE_COLOURS[i % len(LINE_COLOURS)] for i, name in enumerate(others)}
    return found | {proposed: VERMILLION}


def dashes(names: Sequence[str], proposed: str) -> dict[str, tuple[float, ...]]:
    """A dash pattern for each method, to tell lines apart without colour; the proposed one is solid."""
    others = [n for n in names if n != proposed]
    return {name: DASHES[1 + i % (len(DASHES) - 1)] for i, name in enumerate(others)} | {proposed: DASHES[0]}


def show_slice(axes: Axes, image: npt.NDArray[np.float32]) -> None:
    """A slice, -1 black and 1 white, row 0 on top."""
    axes.imshow(image, cmap="gray", vmin=-1, vmax=1, origin="upper")
    bare(axes)


def bare(axes: Axes) -> None:
    """No ticks and no frame."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def empty(axes: Axes, reason: str, shape: tuple[int, int] | None = None, columns: int = 18, lines: int = 8) -> None:
    """A framed panel with the reason for a missing image, cut short; the tables have it in full.

    Args:
        shape: rows and columns of the missing slice.
    """
    bare(axes)
    axes.set_box_aspect(shape[0] / shape[1] if shape else None)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(GREY)
    wrapped = textwrap.wrap(reason, columns)
    text = "\n".join(wrapped[:lines]) + ("…" if len(wrapped) > lines else "")
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=4.5, color=GREY, transform=axes.transAxes)


def wrap(text: str, columns: int) -> str:
    """Text wrapped at a number of columns."""
    # textwrap does not break at the no-break space, so that a unit stays with its number.
    return "\n".join(textwrap.wrap(_BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text), columns))


def grey_scale(parent: Figure | SubFigure, axes: Sequence[Axes]) -> None:
    """The grey scale of all slices."""
    mappable = ScalarMappable(Normalize(-1, 1), cmap="gray")
    bar = parent.colorbar(mappable, ax=list(axes), location="bottom", shrink=0.3, aspect=30, pad=0.03)
    bar.set_ticks([-1, 0, 1], labels=["−1", "0", "1"])
    bar.set_label("intensity (arbitrary units, prepared to [−1, 1]; background −1)", fontsize=6)
    bar.outline.set_linewidth(0.4)


def scale_bars(axes: Axes, shape: tuple[int, int], spacing: tuple[float, float]) -> None:
    """Bars of a round number of millimetres: one across, and one down where pixels are not square.

    Args:
        shape: rows, columns.
        spacing: mm between rows and columns.
    """
    (rows, columns), (down, across) = shape, spacing
    length = _round_length(columns * across * 0.35)
    y, x = rows * 0.95, columns * 0.05
    _bar(axes, [x, x + length / across], [y, y])
    _label(axes, x, y - rows * 0.02, f"{length:g} mm", ha="left", va="bottom")
    if not np.isclose(down, across, rtol=0.05):
        tall = _round_length(rows * down * 0.35)
        x = columns * 0.95
        _bar(axes, [x, x], [y - tall / down, y])
        _label(axes, x - columns * 0.02, y - tall / down, f"{tall:g} mm", ha="right", va="top")


def _bar(axes: Axes, x: Sequence[float], y: Sequence[float]) -> None:
    # Outlined, since the slice may be as bright.
    outline = [withStroke(linewidth=2.2, foreground=BLACK)]
    axes.plot(x, y, color="white", linewidth=1.2, solid_capstyle="butt", path_effects=outline)


def _label(axes: Axes, x: float, y: float, text: str, **place: Any) -> None:
    outline = [withStroke(linewidth=1.2, foreground=BLACK)]
    axes.text(x, y, text, color="white", fontsize=4.5, path_effects=outline, **place)


def _round_length(most: float) -> float:
    """The greatest of 1, 2, 5 times a power of ten that is at most ``most``."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(m * power for m in (1, 2, 5) if m * power <= most))
