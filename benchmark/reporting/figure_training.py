"""Training curves: every loss of every trained method."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmark.config.benchmark import MethodCard
from benchmark.config.cells import cells_of
from benchmark.config.dataset import DatasetConfig
from benchmark.reporting import style
from benchmark.reporting.names import LEARNED
from benchmark.reporting.results import Results
from benchmark.reporting.scope import Pair

DOMAINS = ("source", "target")
SMOOTHED = 20
"""The window of a running mean is 1 / this of the steps: batches scatter more than methods differ."""


def draw(results: Results, dataset: DatasetConfig) -> Figure:
    """A row for each pair, a column for each loss; the source's networks solid, the target's dashed."""
    pairs = results.pairs_of(dataset.name)
    methods = [m for m in results.methods if m.kind == LEARNED]
    curves = {pair.name: _curves(results, pair, methods) for pair in pairs}
    losses = sorted({loss for data in curves.values() for loss in data["loss"]})
    made = style.figure(height=1.55 * len(pairs) + 0.8, width=max(style.WIDTH, 1.35 * len(losses)))
    grid = made.subplots(len(pairs), max(len(losses), 1), squeeze=False)
    for pair, row in zip(pairs, grid, strict=True):
        if not losses:
            style.empty(row[0], "no method left a training history", columns=60)
        for axes, loss in zip(row, losses, strict=False):
            _draw_loss(axes, curves[pair.name], loss, [m.name for m in results.methods], results.config.proposed)
        row[0].set_ylabel(f"{pair.title}\nloss before weighting", fontsize=6)
    for axes, loss in zip(grid[0], losses, strict=False):
        axes.set_title(style.wrap(loss.replace("_", " "), 18), fontsize=6)
    for axes in grid[-1]:
        axes.set_xlabel("step (batches)", fontsize=6)
    _legend(made, results, methods, {name for data in curves.values() for name in data["method"]})
    return made


def _curves(results: Results, pair: Pair, methods: list[MethodCard]) -> pd.DataFrame:
    """Columns method, step, loss, domain, value, of all folds and seeds."""
    learned = {method.name for method in methods}
    cells = [cell for fold in pair.folds for cell in cells_of(results.config, pair.dataset.name, pair.name, fold)]
    frames = []
    for cell in cells:
        # Empty where the training failed before its first row.
        if cell.method in learned and cell.history.is_file() and len(history := pd.read_csv(cell.history, dtype=float)):
            frames.append(_long(history).assign(method=cell.method))
    empty = pd.DataFrame(columns=["method", "step", "loss", "domain", "value"])
    return pd.concat(frames, ignore_index=True) if frames else empty


def _long(history: pd.DataFrame) -> pd.DataFrame:
    """A history's columns ``<loss>_<domain>`` as rows; without a domain, it is the source's."""
    rows = history.melt(id_vars="step", var_name="column", value_name="value").dropna(subset="value")
    parts = rows["column"].str.extract(rf"^(?P<loss>.*?)(?:_(?P<domain>{'|'.join(DOMAINS)}))?$")
    return rows.drop(columns="column").assign(loss=parts["loss"], domain=parts["domain"].fillna(DOMAINS[0]))


def smooth(data: pd.DataFrame) -> pd.DataFrame:
    """Means over folds and seeds, then centred running means over 1 / ``SMOOTHED`` of the steps.

    Args:
        data: columns method, domain, step, value.

    Returns:
        The same columns, one row for each method, domain and step.
    """
    means = data.groupby(["method", "domain", "step"])["value"].mean().reset_index()
    curves = means.groupby(["method", "domain"])["value"]
    value = curves.transform(lambda v: v.rolling(max(len(v) // SMOOTHED, 1), center=True, min_periods=1).mean())
    return means.assign(value=value)


def _draw_loss(axes: Axes, data: pd.DataFrame, loss: str, names: list[str], proposed: str) -> None:
    data = data[data["loss"].eq(loss)]
    if data.empty:
        style.empty(axes, "no history")
        return
    sns.lineplot(
        smooth(data), x="step", y="value", hue="method", style="domain", hue_order=names, style_order=list(DOMAINS),
        palette=style.colours(names, proposed), dashes=list(style.DASHES[:2]), errorbar=None, legend=False, ax=axes,
        linewidth=0.7,
    )  # fmt: skip
    axes.set(xlabel="", ylabel="")


def _legend(made: Figure, results: Results, methods: list[MethodCard], drawn: set[str]) -> None:
    palette = style.colours([m.name for m in results.methods], results.config.proposed)
    handles = [Line2D([], [], color=palette[m.name], label=m.title) for m in methods if m.name in drawn]
    handles += [
        Line2D([], [], color=style.GREY, dashes=dash or (None, None), label=f"networks of the {domain}")
        for domain, dash in zip(DOMAINS, style.DASHES, strict=False)
    ]
    absent = ", ".join(m.title for m in methods if m.name not in drawn)
    note = style.wrap(f"Not trained: {absent}", 130) if absent else None
    made.legend(handles=handles, loc="outside lower center", ncols=6, title=note, title_fontsize=6)
