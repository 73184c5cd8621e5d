"""Figs. 6 to 8: harmonized slices, each above its segmentation by the target's segmentor."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmark.config.dataset import DatasetConfig
from benchmark.data.slices import Images, Labels, SliceStore
from benchmark.metrics.overlap import DICE, GDICE, confusion, dice, generalized_dice
from benchmark.reporting import stores, style
from benchmark.reporting.results import Results
from benchmark.reporting.scope import Pair
from benchmark.runtime import paths


@dataclass(frozen=True)
class Panel:
    """A column of a pair: an image with a segmentation, or the reason for their absence.

    Attributes:
        image: (rows, columns), or the reason.
        prediction: (rows, columns), or the reason; None shows the reference.
    """

    title: str
    image: Images | str
    prediction: Labels | str | None
    reference: Labels


def draw(results: Results, dataset: DatasetConfig) -> Figure:
    """Two rows for each pair: images and segmentations; columns are input, methods and an unpaired target sample."""
    found = [(pair, *_panels(results, pair)) for pair in results.pairs_of(dataset.name)]
    shape = found[0][1].image.shape
    columns = len(results.shown_methods) + 2
    made = style.panels(2 * len(found), columns, shape, per_row=0.24, extra=0.75)
    grid = made.subplots(2 * len(found), columns, squeeze=False)
    for i, (pair, source, target, panels) in enumerate(found):
        upper, lower = grid[2 * i], grid[2 * i + 1]
        for image_axes, label_axes, panel in zip(upper, lower, panels, strict=True):
            image_axes.set_title(style.wrap(panel.title, 14), fontsize=5.5, pad=2)
            _draw_image(image_axes, panel)
            _draw_segmentation(label_axes, panel, dataset)
        style.scale_bars(upper[0], shape, source.spacing)
        for axes, shown in ((upper[0], source), (upper[-1], target)):
            axes.set_xlabel(f"{shown.subject}, slice {shown.index}", fontsize=4.5, labelpad=1)
        upper[0].set_ylabel(f"{pair.title}\nimages", fontsize=6)
        lower[0].set_ylabel("post-hoc\nsegmentation", fontsize=6)
    style.grey_scale(made, list(grid[-1]))
    made.legend(handles=_legend(dataset), loc="outside lower center", ncols=6)
    return made


def _panels(results: Results, pair: Pair) -> tuple[stores.Shown, stores.Shown, list[Panel]]:
    """The fullest slices of the first fold's first test subjects, and a panel for each column."""
    store, fold = SliceStore(paths.slices(pair.dataset.name)), stores.first_fold(pair)
    source, target = (stores.fullest(store, subjects[0]) for subjects in (fold.test_source, fold.test_target))
    panels = [Panel(f"Input, {pair.source}", source.image, None, source.labels)]
    for method in results.shown_methods:
        cell = pair.cell(results.config, method.name)
        image = stores.harmonized(cell, source.subject, source.index)
        prediction: Labels | str = image if isinstance(image, str) else _prediction(results, pair, method.name, source)
        panels.append(Panel(method.title + results.mark(method.name, [pair.key]), image, prediction, source.labels))
    panels.append(Panel(f"Unpaired target, {pair.target}", target.image, None, target.labels))
    return source, target, panels


def _prediction(results: Results, pair: Pair, method: str, shown: stores.Shown) -> Labels | str:
    found = stores.prediction(pair.cell(results.config, method), shown.subject, shown.index)
    if found is None:
        return "; ".join(results.average(pair, method, GDICE).reasons)
    return found


def _draw_image(axes: Axes, panel: Panel) -> None:
    if isinstance(panel.image, str):
        style.empty(axes, panel.image, panel.reference.shape)
    else:
        style.show_slice(axes, panel.image)


def _draw_segmentation(axes: Axes, panel: Panel, dataset: DatasetConfig) -> None:
    if isinstance(panel.prediction, str) or isinstance(panel.image, str):
        style.empty(axes, str(panel.prediction), panel.reference.shape)
        return
    prediction = panel.reference if panel.prediction is None else panel.prediction
    axes.imshow(overlay(panel.image, prediction, panel.reference), origin="upper")
    style.bare(axes)
    axes.set_xlabel(
        "reference" if panel.prediction is None else annotation(prediction, panel.reference, dataset),
        fontsize=5.5,
        labelpad=2,
    )


def annotation(prediction: Labels, reference: Labels, dataset: DatasetConfig) -> str:
    """Dice of the slice for one class, generalized Dice for several."""
    counts = confusion(prediction, reference, dataset.classes)
    shown, value = (DICE, float(dice(counts)[1])) if dataset.classes == 2 else (GDICE, generalized_dice(counts))
    return f"{shown.short} " + ("undefined" if np.isnan(value) else f"{value:.2f}")


def overlay(image: Images, prediction: Labels, reference: Labels) -> npt.NDArray[np.float64]:
    """The dimmed image with a colour for each correct class and each error; (rows, columns, RGB) in [0, 1]."""
    shown = np.repeat(((image + 1) / 2 * 0.6)[..., None], 3, axis=2).astype(np.float64)
    for value in np.unique(prediction[prediction > 0]):
        shown[(prediction == value) & (reference == value)] = to_rgb(_class_colour(int(value)))
    shown[(prediction > 0) & (reference == 0)] = to_rgb(style.FALSE_POSITIVE)
    shown[(prediction == 0) & (reference > 0)] = to_rgb(style.FALSE_NEGATIVE)
    shown[(prediction > 0) & (reference > 0) & (prediction != reference)] = to_rgb(style.CONFUSED)
    return shown


def _class_colour(value: int) -> str:
    return style.CLASS_COLOURS[(value - 1) % len(style.CLASS_COLOURS)]


def _legend(dataset: DatasetConfig) -> list[Patch]:
    names = sorted(dataset.labels, key=dataset.labels.__getitem__)
    handles = [Patch(color=_class_colour(dataset.labels[name]), label=f"{name}, correct") for name in names]
    handles += [
        Patch(color=style.FALSE_POSITIVE, label="false positive"),
        Patch(color=style.FALSE_NEGATIVE, label="false negative"),
    ]
    return handles + ([Patch(color=style.CONFUSED, label="wrong class")] if len(names) > 1 else [])
