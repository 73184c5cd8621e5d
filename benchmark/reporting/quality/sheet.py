"""A picture of a prepared subject: slices across the brain or the retina, plain and with outlines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from benchmark.archives.formats.nifti import read_volume
from benchmark.archives.formats.volumes import Volume
from benchmark.config.dataset import DatasetConfig
from benchmark.preparation.prepared import Kind, as_slices
from benchmark.reporting import style

AXIAL, MRI_COLUMNS = 10, 6
B_SCANS, OCT_COLUMNS = 6, 2
MRI_WIDTH, OCT_WIDTH = 12.0, 9.0  # inches; speckle compresses badly
HEAD, LINE, GAP = 0.35, 0.18, 0.12  # inches: title, line of notes, gap between the halves
_MARGIN = 2  # pixels around the brain
_QUALITY = {"quality": 50, "method": 6}  # of WebP
# Bright on grey, and safe for the colour-blind.
MASK_COLOUR, LABEL_COLOURS = style.SKY, (style.ORANGE, style.GREEN, style.YELLOW, style.PURPLE, style.VERMILLION)


@dataclass(frozen=True)
class Panel:
    """A slice, row 0 on top.

    Attributes:
        image: (rows, columns) in [-1, 1].
        outlines: by the name of the mask or label.
        aspect: height of a pixel by its width.
    """

    title: str
    image: npt.NDArray[np.float32]
    outlines: Mapping[str, npt.NDArray[np.bool_]]
    aspect: float


def draw_sheet(config: DatasetConfig, domain: str, folder: Path, notes: Sequence[str]) -> Figure:
    """Draws a prepared subject.

    Args:
        folder: of the prepared subject; its name is the id.
        notes: texts of its flags.

    Raises:
        DataError: a volume is missing or damaged.
    """
    kind: Kind = config.preparation.kind
    image, labels, mask = (read_volume(folder / f"{part}.nii.gz") for part in ("image", "labels", "mask"))
    outlined = {name: labels.data == value for name, value in config.labels.items()}
    outlined["brain" if kind == "mri" else "retina"] = mask.data != 0  # on top, where labels end at it
    stacks = {n: as_slices(Volume(d, image.affine, image.path), kind) != 0 for n, d in outlined.items()}
    panels = list((_mri if kind == "mri" else _oct)(as_slices(image, kind).astype(np.float32), stacks, image.spacing))
    colours = dict(zip(outlined, (*islice(cycle(LABEL_COLOURS), len(config.labels)), MASK_COLOUR), strict=True))
    full_width, columns = (MRI_WIDTH, MRI_COLUMNS) if kind == "mri" else (OCT_WIDTH, OCT_COLUMNS)
    rows, width = _rows(panels, columns), full_width / columns
    said = notes or ["nothing is flagged"]
    height = HEAD + GAP + 2 * sum(_height(row, width) for row in rows) + LINE * (len(said) + 0.5)
    made = Figure(figsize=(full_width, height))
    title = f"{config.title}: {folder.name}, {config.domains[domain].title} ({domain})"
    made.text(0.01, 1 - HEAD / 2 / height, title, va="center", fontsize=11, fontweight="bold")
    colour = style.VERMILLION if notes else style.BLACK
    made.text(0.01, LINE / 4 / height, "\n".join(said), va="bottom", fontsize=9, color=colour)
    lines = [Line2D([], [], color=colours[name], label=name) for name in outlined]
    made.legend(handles=lines, loc="upper right", ncols=len(lines), fontsize=9)
    _fill(made, rows, width, colours)
    return made


def save_sheet(made: Figure, path: Path) -> None:
    """Writes a sheet as WebP, much smaller than PNG."""
    made.savefig(path, format="webp", dpi=100, pil_kwargs=_QUALITY)


def _mri(
    image: npt.NDArray[np.float32], outlined: Mapping[str, npt.NDArray[np.bool_]], spacing: tuple[float, float, float]
) -> Iterator[Panel]:
    """Axial slices upwards, then the brain's middle coronal and sagittal slices."""
    column, row, between = spacing
    slices, rows, columns = (_reach(outlined["brain"], axis) for axis in range(3))
    across = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    for k in _spread(slices, AXIAL):
        at = (k, *across)
        yield Panel(f"axial {k + 1}", image[at], {n: o[at] for n, o in outlined.items()}, row / column)
    upright = slice(None, None, -1)
    coronal, sagittal = (upright, rows[len(rows) // 2], across[1]), (upright, across[0], columns[len(columns) // 2])
    yield Panel("coronal", image[coronal], {n: o[coronal] for n, o in outlined.items()}, between / column)
    yield Panel("sagittal", image[sagittal], {n: o[sagittal] for n, o in outlined.items()}, between / row)


def _oct(
    image: npt.NDArray[np.float32], outlined: Mapping[str, npt.NDArray[np.bool_]], spacing: tuple[float, float, float]
) -> Iterator[Panel]:
    """B-scans in order, at most as high as wide: a retina is flat."""
    for k in _spread(list(range(len(image))), B_SCANS):
        aspect = min(spacing[1] / spacing[0], image.shape[2] / image.shape[1])
        yield Panel(f"B-scan {k + 1}", image[k], {n: o[k] for n, o in outlined.items()}, aspect)


def _reach(inside: npt.NDArray[np.bool_], axis: int) -> list[int]:
    """Indices of the brain along an axis, with a margin in the plane of the slices."""
    others = tuple(a for a in range(3) if a != axis)
    found = np.flatnonzero(inside.any(axis=others))
    margin = 0 if axis == 0 else _MARGIN
    first, last = max(0, int(found[0]) - margin), min(inside.shape[axis] - 1, int(found[-1]) + margin)
    return list(range(first, last + 1))


def _spread(indices: Sequence[int], count: int) -> list[int]:
    """``count`` of the indices, evenly spaced, away from the ends where brains are small."""
    places = np.linspace(0, len(indices), min(count, len(indices)), endpoint=False) + len(indices) / count / 2
    return [indices[min(int(place), len(indices) - 1)] for place in places]


def _rows(panels: Sequence[Panel], columns: int) -> list[list[Panel]]:
    return [list(panels[i : i + columns]) for i in range(0, len(panels), columns)]


def _height(row: Sequence[Panel], width: float) -> float:
    """Height in inches of a row of panels of one width."""
    return max(width * p.image.shape[0] * p.aspect / p.image.shape[1] for p in row)


def _fill(made: Figure, rows: Sequence[Sequence[Panel]], width: float, colours: Mapping[str, str]) -> None:
    """Plain panels, and the same with outlines below."""
    full_width, full_height = made.get_size_inches()
    top = full_height - HEAD
    for plain in (True, False):
        for row in rows:
            height = _height(row, width)
            ground = (0, (top - height) / full_height), 1, height / full_height
            made.add_artist(Rectangle(*ground, transform=made.transFigure, color=style.BLACK, zorder=-1))
            for i, panel in enumerate(row):
                place = (i * width / full_width, (top - height) / full_height, width / full_width, height / full_height)
                _draw(made.add_axes(place), panel, {} if plain else colours)
            top -= height
        top -= GAP


def _draw(axes: Axes, panel: Panel, colours: Mapping[str, str]) -> None:
    axes.imshow(panel.image, cmap="gray", vmin=-1, vmax=1, aspect=panel.aspect, interpolation="antialiased")
    axes.set_axis_off()
    title = axes.text(0.02, 0.98, panel.title, color="white", fontsize=7, ha="left", va="top", transform=axes.transAxes)
    title.set_bbox({"facecolor": "black", "edgecolor": "none", "pad": 1})  # legible on bright tissue
    for name, colour in colours.items():
        inside = panel.outlines[name]
        if inside.any() and not inside.all() and min(inside.shape) > 1:  # else no outline exists
            axes.contour(inside, levels=[0.5], colors=[colour], linewidths=0.7)
