"""Tables IV (fidelity), V (utility) and VI (sensitivity)."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.registry import quantities
from benchmark.reporting import captions
from benchmark.reporting.files import Item
from benchmark.reporting.model import (
    ARROWS,
    MISSING,
    Better,
    Block,
    Entry,
    Row,
    Table,
    best,
    coverage,
    fixed,
    plain,
    scored,
    signed,
    significant,
)
from benchmark.reporting.names import CONTROL, IDENTITY, MethodCard, marked
from benchmark.reporting.published import Printed, printed_fidelity, printed_overlap
from benchmark.reporting.results import Results, Summary
from benchmark.reporting.scope import Pair, is_papers_own
from benchmark.results.scores import SOURCE_ON_SOURCE, TARGET_ON_TARGET


@dataclass(frozen=True)
class Column:
    """One quantity of one pair: a column of a table whose rows are methods.

    Attributes:
        show: how a mean is printed.
        spread: metric that holds the standard deviation to print after the mean, or empty.
        printed: the paper's number for a method, if it has one.
        scale: printed numbers are this many times those of the scores, for another unit; the CSV has the latter.
    """

    pair: Pair
    metric: str
    better: Better
    group: str
    head: str
    show: Callable[[float], str]
    label: str = ""
    spread: str = ""
    printed: Callable[[str], Printed | None] = lambda method: None
    scale: float = 1.0


@dataclass(frozen=True)
class Line:
    """One row of such a table: a method, or one of the reference rows; only ``ranked`` ones can be the best."""

    method: str
    title: str
    ranked: bool
    rule: bool = False


@dataclass(frozen=True)
class Filled:
    """A block with the summaries and the data behind it."""

    block: Block
    summaries: list[Summary]
    data: list[dict[str, object]]

    @property
    def empty(self) -> bool:
        return not any(summary.there for summary in self.summaries)

    def absence(self, name: str) -> str:
        """A sentence in place of a field of dashes."""
        reasons = dict.fromkeys(reason for summary in self.summaries for reason in summary.reasons)
        return f"No number of {name}: {'; '.join(reasons)}."


def fill(results: Results, title: str, columns: Sequence[Column], lines: Sequence[Line]) -> Filled:
    """Looks up every number, marks the best of each column, and keeps what the CSV holds.

    A pair with a single test subject has no best: nothing tells its methods apart.
    """
    summaries = {
        (i, line.method): results.summary(c.pair, line.method, c.metric, c.label)
        for i, c in enumerate(columns)
        for line in lines
    }
    entries: dict[tuple[int, str], Entry] = {}
    data = []
    for i, column in enumerate(columns):
        shown = {line.method: _shown(column, summaries[i, line.method]) for line in lines}
        ranks = results.test_subjects(column.pair) > 1
        wins = best([shown[line.method] if ranks and line.ranked else None for line in lines], column.better)
        for line, win in zip(lines, wins, strict=True):
            summary = summaries[i, line.method]
            printed = column.printed(line.method)
            spread = _spread(results, column, line.method)
            entries[i, line.method] = _entry(column, summary, shown[line.method], win, printed, spread)
            data.append(_record(column, line, summary, win, printed, spread))
    rows = tuple(
        Row(line.title, tuple(entries[i, line.method] for i in range(len(columns))), line.rule) for line in lines
    )
    groups = _spans(c.group for c in columns) if any(c.group for c in columns) else ()
    return Filled(Block(title, tuple(c.head for c in columns), rows, groups), list(summaries.values()), data)


def table(
    item: Item,
    kind: str,
    filled: Sequence[Filled],
    what: str,
    remarks: Iterable[str] = (),
    blocks: Iterable[Block] | None = None,
) -> Table:
    """A table of filled blocks with its coverage.

    Args:
        what: what whole numbers rest on, as :func:`coverage` words it.
        blocks: what is shown of the filled blocks; all of them unless given.
    """
    summaries = [s for f in filled for s in f.summaries]
    data = pd.DataFrame([record for f in filled for record in f.data])
    shown = tuple(f.block for f in filled) if blocks is None else tuple(blocks)
    return Table(item, captions.paragraphs(kind), shown, data, (coverage(summaries, what), *remarks))


def _shown(column: Column, summary: Summary) -> str | None:
    return column.show(summary.mean * column.scale) if summary.there else None


def _entry(
    column: Column, summary: Summary, shown: str | None, win: bool, printed: Printed | None, spread: float | None
) -> Entry:
    text = shown or ""
    # Where there are several seeds and nothing else is said of the spread, it is that over seeds.
    deviation = summary.seed_sd if spread is None and summary.there else spread
    if deviation is not None and not math.isnan(deviation):
        text += f" ± {significant(deviation * column.scale, 1)}"
    aside = ""
    notes: tuple[str, ...] = ()
    if printed:
        std = f" ± {plain(printed.std)}" if printed.std is not None else ""
        difference = f", {signed(summary.mean - printed.value, printed.decimals)}" if summary.there else ""
        aside = f"[{fixed(printed.value, printed.decimals)}{std}{difference}]"
        notes = (printed.suspect,) if printed.suspect else ()
    return scored(summary, text, bold=win, aside=aside, notes=notes)


def _spread(results: Results, column: Column, method: str) -> float | None:
    """Standard deviation over all subsets of all folds and seeds: that within each, and that between their means."""
    if not column.spread:
        return None
    within, means = (results.values(column.pair, method, metric) for metric in (column.spread, column.metric))
    if not len(within):
        return math.sqrt(means.var()) if len(means) > 1 else None
    return math.sqrt((within**2).mean() + means.var())


def _record(
    column: Column, line: Line, summary: Summary, win: bool, printed: Printed | None, spread: float | None
) -> dict[str, object]:
    return {
        "dataset": column.pair.dataset.name,
        "source": column.pair.source,
        "target": column.pair.target,
        "row": line.method,
        "title": line.title,
        "metric": column.metric,
        "label": column.label,
        "unit": quantities()[column.metric].unit,
        "value": summary.mean,
        "sd_units": summary.sd,
        "sd_subsets": spread,
        "sd_seeds": summary.seed_sd,
        "n": summary.n,
        "total": summary.total,
        "best": win,
        "published": printed.value if printed else None,
        "difference": summary.mean - printed.value if printed else None,
        "suspect": printed.suspect if printed else "",
        "reasons": "; ".join(summary.reasons),
    }


def _spans(groups: Iterable[str]) -> tuple[tuple[str, int], ...]:
    spans: list[tuple[str, int]] = []
    for group in groups:
        if spans and spans[-1][0] == group:
            spans[-1] = (group, spans[-1][1] + 1)
        else:
            spans.append((group, 1))
    return tuple(spans)


def ranked(method: MethodCard) -> bool:
    """Controls are shown and cannot be the best."""
    return method.kind != CONTROL


def display(results: Results, method: MethodCard) -> str:
    """A method's title, marked where it is the proposed one."""
    return marked(method.title, method.name, results.config.proposed)


def _named(results: Results, template: str) -> list[Line]:
    """Lines of all methods but the identity, titled by the template."""
    methods = [m for m in results.methods if m.name != IDENTITY]
    return [Line(m.name, template.format(display(results, m)), ranked(m), rule=i == 0) for i, m in enumerate(methods)]


def fidelity(results: Results, item: Item) -> Table:
    """Table IV: KID, FID and, beyond the paper, the share of the KID gap closed."""
    lines = [Line(IDENTITY, "Source, Target", ranked=False), *_named(results, "Harmonized, Target: {}")]
    kinds: list[tuple[str, str, Better, str]] = [
        ("kid", "KID", "lower", "kid_std"),
        ("fid", "FID", "lower", ""),
        ("kid_gap_closed", "Share of the KID gap closed", "higher", ""),
    ]
    filled, absent = [], []
    for metric, title, better, spread in kinds:
        columns = [
            Column(
                pair, metric, better, pair.dataset.title, pair.title, significant, spread=spread,
                printed=lambda method, pair=pair, metric=metric: printed_fidelity(pair, method, metric),  # type: ignore[misc]
            )
            for pair in results.pairs
        ]  # fmt: skip
        filled.append(fill(results, title + ARROWS[better], columns, lines))
        absent += [filled[-1].absence(title)] if filled[-1].empty else []
    remarks = [*absent, _subset_sizes(results), *_published_remark(results)]
    blocks = [f.block for f in filled if not f.empty]
    return table(item, "table_fidelity", filled, "folds and seeds", remarks, blocks)


def _subset_sizes(results: Results) -> str:
    """How many slices a subset of KID has, which its number and spread depend on."""
    rows = results.table[results.table["metric"].eq("kid_subset_size") & results.table["status"].eq("ok")]
    sizes = []
    for pair in results.pairs:
        own = rows["dataset"].eq(pair.dataset.name) & rows["source"].eq(pair.source) & rows["target"].eq(pair.target)
        found = sorted({int(value) for value in rows[own]["value"]})
        sizes.append(f"{pair.dataset.title} {pair.title} {', '.join(map(str, found)) or MISSING}")
    return f"Slices in a subset of KID: {'; '.join(sizes)}."


def utility(results: Results, item: Item) -> Table:
    """Table V: a block for each dataset; columns are pairs, classes, or both."""
    lines = [
        Line(SOURCE_ON_SOURCE, "Source Segmentor → Source Image", ranked=False),
        Line(TARGET_ON_TARGET, "Target Segmentor → Target Image", ranked=False),
        Line(IDENTITY, "Target Segmentor → Source Image", ranked=False),
        *_named(results, "Target Segmentor → Harmonized Image ({})"),
    ]
    filled = [_utility_block(results, dataset, lines) for dataset in results.datasets]
    return table(item, "table_utility", filled, "test subjects", [*_subjects(results), *_published_remark(results)])


def _utility_block(results: Results, dataset: DatasetConfig, lines: Sequence[Line]) -> Filled:
    pairs = results.pairs_of(dataset.name)
    labels = sorted(dataset.labels, key=dataset.labels.__getitem__)
    columns = [
        Column(
            pair, metric, "higher", _group(pair, label, len(pairs), len(labels)), head, fixed, label=label,
            printed=lambda row, pair=pair, label=label, metric=metric: printed_overlap(pair, row, label, metric),  # type: ignore[misc]
        )
        for pair in pairs
        for label in labels
        for metric, head in (("dice", "DC (↑)"), ("iou", "IoU (↑)"))
    ]  # fmt: skip
    protocol = " (leave one subject out)" if dataset.split.protocol == "leave_one_out" else ""
    return fill(results, f"{dataset.title}{protocol}", columns, lines)


def _group(pair: Pair, label: str, pairs: int, labels: int) -> str:
    if labels == 1:
        return pair.title
    return label if pairs == 1 else f"{pair.title}, {label}"


def _subjects(results: Results) -> list[str]:
    """How many test subjects stand behind the numbers of each pair."""
    counts = [
        f"{pair.dataset.title} {pair.title} {results.test_subjects(pair)} in {len(pair.folds)} "
        f"fold{'s' * (len(pair.folds) != 1)}"
        for pair in results.pairs
    ]
    return [f"Test subjects: {'; '.join(counts)}."]


def _published_remark(results: Results) -> list[str]:
    if not any(is_papers_own(dataset) for dataset in results.datasets):
        return ["The paper's numbers are not shown: this benchmark runs other data than the paper's."]
    return ["In brackets: the paper's printed number, and obtained − printed."]


def sensitivity(results: Results, item: Item) -> Table:
    """Table VI: area under the curves of Eqs. 6 and 7 up to σ = 0.2; the curves are Fig. 9a."""
    lines = [Line(m.name, display(results, m), ranked(m)) for m in results.methods]
    kinds: list[tuple[str, str, Better]] = [
        ("sensitivity_auc_mse", "MSE (↓)", "lower"),
        ("sensitivity_auc_ssim", "SSIM (↑)", "higher"),
    ]
    filled = []
    for dataset in results.datasets:
        columns = [
            Column(pair, metric, better, pair.title, head, significant)
            for pair in results.pairs_of(dataset.name)
            for metric, head, better in kinds
        ]
        filled.append(fill(results, dataset.title, columns, lines))
    return table(item, "table_sensitivity", filled, "test subjects", _subjects(results))
