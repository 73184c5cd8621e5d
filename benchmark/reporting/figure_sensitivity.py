"""Fig. 9: the reconstruction under noise in the translation: curves (a) and slices (b)."""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmark.config.benchmark import MethodCard
from benchmark.data.slices import SliceStore
from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import shown_in
from benchmark.metrics.sensitivity import SHOWN_SIGMAS, shown_slice
from benchmark.reporting import stores, style
from benchmark.reporting.names import LEARNED
from benchmark.reporting.results import Results
from benchmark.reporting.scope import Pair
from benchmark.runtime import paths


def draw_curves(results: Results) -> Figure:
    """A row for each quantity, a column for each pair; the band spans all subjects."""
    pairs, quantities = results.pairs, shown_in("Fig. 9a")
    made = style.figure(height=3.7, width=max(style.WIDTH, 1.4 * len(pairs)))
    grid = made.subplots(len(quantities), len(pairs), sharex=True, squeeze=False)
    names = [m.name for m in results.methods]
    data = {(pair.key, quantity.name): _curves(results, pair, quantity) for pair in pairs for quantity in quantities}
    for quantity, axes_row in zip(quantities, grid, strict=True):
        for pair, axes in zip(pairs, axes_row, strict=True):
            _draw_curve(axes, data[pair.key, quantity.name], names, results.config.proposed)
        axes_row[0].set_ylabel(f"{quantity.short} of the reconstruction")
    for pair, top, bottom in zip(pairs, grid[0], grid[-1], strict=True):
        top.set_title(f"{style.wrap(pair.dataset.title, 20)}\n{pair.title}", fontsize=6)
        bottom.set_xlabel("noise σ in [−1, 1] scale", fontsize=6)
    curves = {name: [p for p in pairs if (data[p.key, quantities[0].name]["method"] == name).any()] for name in names}
    _legend(made, curves, results)
    return made


def _curves(results: Results, pair: Pair, quantity: Quantity) -> pd.DataFrame:
    """Columns method, sigma, value; a row for each subject, seeds averaged."""
    frames = [
        results.aggregate.average(pair.key, method.name, quantity)
        .units.melt(var_name="sigma")
        .assign(method=method.name)
        for method in results.methods
    ]
    return pd.concat([frame for frame in frames if len(frame)] or frames).astype({"sigma": float})


def _draw_curve(axes: Axes, data: pd.DataFrame, names: list[str], proposed: str) -> None:
    if data.empty:
        style.empty(axes, "no method has a curve")
        return
    sns.lineplot(
        data,
        x="sigma",
        y="value",
        hue="method",
        style="method",
        hue_order=names,
        style_order=names,
        palette=style.colours(names, proposed),
        dashes=style.dashes(names, proposed),
        errorbar=("pi", 100),
        err_kws={"alpha": 0.18, "linewidth": 0},
        legend=False,
        ax=axes,
    )
    axes.set(xlabel="", ylabel="")
    axes.margins(x=0.02)


def _legend(made: Figure, curves: Mapping[str, list[Pair]], results: Results) -> None:
    """Methods with a curve, and a note on those without.

    Args:
        curves: the pairs on which each method has a curve.
    """
    names = [m.name for m in results.methods]
    palette, dashes = style.colours(names, results.config.proposed), style.dashes(names, results.config.proposed)
    marks = {m.name: results.mark(m.name, [pair.key for pair in results.pairs]) for m in results.methods}
    handles = [
        Line2D([], [], color=palette[m.name], dashes=dashes[m.name] or (None, None), label=m.title + marks[m.name])
        for m in results.methods
        if curves[m.name]
    ]
    absent = [_absence(results, m, curves[m.name]) for m in results.methods if len(curves[m.name]) < len(results.pairs)]
    note = style.wrap(f"Without a curve (reasons: Table VI): {', '.join(absent)}", 130) if absent else None
    made.legend(handles=handles, loc="outside lower center", ncols=4, title=note, title_fontsize=6)


def _absence(results: Results, method: MethodCard, there: list[Pair]) -> str:
    """A method, with the datasets or pairs on which it has no curve unless it has none at all."""
    if not there:
        return method.title
    where = []
    for dataset in results.datasets:
        own = results.pairs_of(dataset.name)
        missing = [pair.title for pair in own if pair not in there]
        if missing:
            where.append(dataset.title + ("" if len(missing) == len(own) else f" {', '.join(missing)}"))
    return f"{method.title} (on {'; '.join(where)})"


def draw_reconstructions(results: Results, pair: Pair) -> Figure:
    """A row for each learned method: input, translation, and reconstruction at each noise level."""
    methods = [m for m in results.methods if m.kind == LEARNED]
    heads = ["Input\nx", "Translation\nG(x)", *(f"F(G(x) + n)\nσ = {sigma:g}" for sigma in SHOWN_SIGMAS)]
    store = SliceStore(paths.slices(pair.dataset.name))
    made = style.panels(max(len(methods), 1), len(heads), store.slice_shape, per_row=0.04, extra=0.75)
    grid = made.subplots(max(len(methods), 1), len(heads), squeeze=False)
    for axes, head in zip(grid[0], heads, strict=True):
        axes.set_title(head, fontsize=6)
    for row, method in zip(grid, methods, strict=False):
        _draw_row(results, pair, store, method, list(row))
        row[0].set_ylabel(style.wrap(method.title, 16), fontsize=6)
    if not methods:
        for axes in grid[0]:
            style.empty(axes, "no learned method", store.slice_shape)
    style.grey_scale(made, list(grid[-1]))
    return made


def _draw_row(results: Results, pair: Pair, store: SliceStore, method: MethodCard, row: list[Axes]) -> None:
    """All panels show the same slice; a method without images has a row of empty ones."""
    cell = pair.cell(results.config, method.name)
    subject = stores.first_fold(pair).test_source[0]
    source = stores.at(store, subject, shown_slice(len(store.image(subject))))
    translated = stores.harmonized(cell, subject, source.index)
    if isinstance(translated, str):
        for axes in row:
            style.empty(axes, translated, store.slice_shape)
        return
    style.show_slice(row[0], source.image)
    style.scale_bars(row[0], source.image.shape, source.spacing)
    style.show_slice(row[1], translated)
    kept = stores.reconstructions(cell, subject)
    absent = "not among the config's noise levels"
    if kept is None:
        absent = "; ".join(results.average(pair, method.name, shown_in("Table VI")[0]).reasons)
    for axes, sigma in zip(row[2:], SHOWN_SIGMAS, strict=True):
        image = None if kept is None else kept.get(sigma)
        if image is None:
            style.empty(axes, absent, store.slice_shape)
        else:
            style.show_slice(axes, image)
