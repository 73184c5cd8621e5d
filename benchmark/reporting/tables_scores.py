"""Tables IV (fidelity), V (utility) and VI (sensitivity)."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import pandas as pd

from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import primary, shown_in
from benchmark.reporting import captions
from benchmark.reporting.files import Item
from benchmark.reporting.model import (
    MISSING,
    Block,
    Entry,
    Row,
    Table,
    best,
    coverage,
    fixed,
    head,
    interval,
    plain,
    scored,
    signed,
    significant,
)
from benchmark.reporting.names import marked
from benchmark.reporting.published import Printed, printed
from benchmark.reporting.results import Results
from benchmark.reporting.scope import Pair, is_papers_own
from benchmark.results.scores import SOURCE_ON_SOURCE, TARGET_ON_TARGET
from benchmark.statistics.aggregate import Average


@dataclass(frozen=True)
class Column:
    """One quantity of one pair: a column of a table whose rows are methods.

    Attributes:
        show: how a mean is printed.
        label: None for the average over all labels.
        scale: converts to the printed unit; the CSV keeps the unit of the scores.
    """

    pair: Pair
    quantity: Quantity
    group: str
    head: str
    show: Callable[[float], str]
    label: str | None = ""
    scale: float = 1.0


@dataclass(frozen=True)
class Line:
    """One row of such a table: a method or a reference."""

    method: str
    title: str
    rule: bool = False


@dataclass(frozen=True)
class Filled:
    """A block with the averages and the data behind it."""

    block: Block
    averages: list[Average]
    data: list[dict[str, object]]

    @property
    def empty(self) -> bool:
        return not any(average.there for average in self.averages)

    def absence(self, name: str) -> str:
        """A sentence in place of a block of dashes."""
        reasons = dict.fromkeys(reason for average in self.averages for reason in average.reasons)
        return f"No number of {name}: {'; '.join(reasons)}."


def fill(results: Results, title: str, columns: Sequence[Column], lines: Sequence[Line]) -> Filled:
    """Looks up every number, marks the best of each column, and keeps the rows of the CSV.

    A pair with a single test subject has no best.
    """
    entries: list[list[Entry]] = [[] for _ in lines]
    averages: list[Average] = []
    data = []
    for column in columns:
        own = [results.average(column.pair, line.method, column.quantity, column.label) for line in lines]
        texts = [column.show(average.mean * column.scale) if average.there else None for average in own]
        ranks = results.test_subjects(column.pair) > 1
        contends = [ranks and results.contends(column.pair, line.method, column.quantity) for line in lines]
        wins = best([t if c else None for t, c in zip(texts, contends, strict=True)], column.quantity)
        for line, average, text, win, cells in zip(lines, own, texts, wins, entries, strict=True):
            paper = printed(column.pair, column.quantity, line.method, column.label or "")
            cells.append(_entry(column, average, text or "", win, paper, results.doubtful(line.method, average)))
            data.append(_record(column, line, average, win, paper))
        averages += own
    pairs = list(dict.fromkeys(column.pair.key for column in columns))
    rows = tuple(
        Row(line.title + results.mark(line.method, pairs), tuple(cells), line.rule)
        for line, cells in zip(lines, entries, strict=True)
    )
    groups = tuple((name, len(list(spanned))) for name, spanned in groupby(c.group for c in columns))
    groups = groups if any(name for name, _ in groups) else ()
    return Filled(Block(title, tuple(c.head for c in columns), rows, groups), averages, data)


def table(
    item: Item,
    filled: Sequence[Filled],
    what: str,
    remarks: Iterable[str] = (),
    blocks: Iterable[Block] | None = None,
) -> Table:
    """A table of filled blocks with its coverage.

    Args:
        what: the units of complete numbers, as :func:`coverage` words them.
        blocks: the blocks to show; by default all filled ones.
    """
    averages = [a for f in filled for a in f.averages]
    data = pd.DataFrame([record for f in filled for record in f.data])
    shown = tuple(f.block for f in filled) if blocks is None else tuple(blocks)
    return Table(item, captions.paragraphs(item.kind), shown, data, (coverage(averages, what), *remarks))


def _entry(column: Column, average: Average, text: str, win: bool, paper: Printed | None, doubtful: bool) -> Entry:
    deviation = average.seed_sd if math.isnan(average.spread) else average.spread
    if not math.isnan(deviation):
        text += f" ± {significant(deviation * column.scale, 1)}"
    low, high = (end * column.scale for end in average.ends)
    asides = [interval(low, high, doubtful)]
    notes: tuple[str, ...] = ()
    if paper:
        std = f" ± {plain(paper.std)}" if paper.std is not None else ""
        difference = f", {signed(average.mean - paper.value, paper.decimals)}" if average.there else ""
        asides.append(f"[paper {fixed(paper.value, paper.decimals)}{std}{difference}]")
        notes = (paper.suspect,) if paper.suspect else ()
    return scored(average, text, bold=win, aside=" ".join(filter(None, asides)), notes=notes)


def _record(column: Column, line: Line, average: Average, win: bool, paper: Printed | None) -> dict[str, object]:
    return {
        "dataset": column.pair.dataset.name,
        "source": column.pair.source,
        "target": column.pair.target,
        "row": line.method,
        "title": line.title,
        "metric": column.quantity.name,
        "label": column.label or "",
        "unit": column.quantity.unit,
        "value": average.mean,
        "low": average.ends[0],
        "high": average.ends[1],
        "sd_units": average.sd,
        "sd_subsets": average.spread,
        "sd_seeds": average.seed_sd,
        "n": average.n,
        "total": average.total,
        "best": win,
        "published": paper.value if paper else None,
        "difference": average.mean - paper.value if paper else None,
        "suspect": paper.suspect if paper else "",
        "reasons": "; ".join(average.reasons),
    }


def method_lines(results: Results, template: str = "{}") -> list[Line]:
    """A line for each method, titled by the template."""
    return [Line(m.name, template.format(marked(m.title, m.name, results.config.proposed))) for m in results.methods]


def _harmonized(results: Results, template: str) -> list[Line]:
    """Lines of all methods that change images, below a rule."""
    lines = [line for line in method_lines(results, template) if line.method not in results.config.floors]
    return [replace(line, rule=i == 0) for i, line in enumerate(lines)]


def fidelity(results: Results, item: Item) -> Table:
    """Table IV: KID, FID and, beyond the paper, the share of the KID gap closed; a block for each.

    Beyond the paper also: the floor, which is the target against itself.
    """
    before = [Line(name, "Source, Target") for name in results.config.floors]
    floor = Line(TARGET_ON_TARGET, "Target, Target: two halves of its subjects")
    of_target = set(results.table.loc[results.table["method"].eq(TARGET_ON_TARGET), "metric"])
    harmonized = _harmonized(results, "Harmonized, Target: {}")
    filled, absent = [], []
    scored_at_all = set(results.table["metric"])
    for quantity in (q for q in shown_in(item.number) if q.name in scored_at_all):
        columns = [Column(p, quantity, p.dataset.title, p.title, significant) for p in results.pairs]
        lines = [*before, *([floor] if quantity.name in of_target else []), *harmonized]
        filled.append(fill(results, head(quantity), columns, lines))
        absent += [filled[-1].absence(quantity.title)] if filled[-1].empty else []
    sizes = [_values(results, quantity) for quantity in shown_in(f"remarks of {item.number}")]
    blocks = [f.block for f in filled if not f.empty]
    remarks = [*absent, *_subjects(results), *sizes, *unfit_pairs(results), *_published_remark(results)]
    return table(item, filled, "folds and seeds", remarks, blocks)


def unfit_pairs(results: Results) -> list[str]:
    """A sentence on each pair whose judges are unfit."""
    return [
        f"Unfit: {pair.dataset.title} {pair.title}: {'; '.join(reasons)}."
        for pair in results.pairs
        if (reasons := results.unfit(pair))
    ]


def _values(results: Results, quantity: Quantity) -> str:
    """A sentence with the different values of a quantity on each pair."""
    rows = quantity.rows(results.table)
    rows = rows[rows["status"].eq("ok")]
    said = []
    for pair in results.pairs:
        values = ", ".join(f"{value:g}" for value in sorted(set(pair.rows(rows)["value"])))
        said.append(f"{pair.dataset.title} {pair.title} {values or MISSING}")
    return f"{quantity.title}: {'; '.join(said)}."


def utility(results: Results, item: Item) -> Table:
    """Table V: a block for each dataset; columns are pairs, classes, or both."""
    lines = [
        Line(SOURCE_ON_SOURCE, "Source Segmentor → Source Image"),
        Line(TARGET_ON_TARGET, "Target Segmentor → Target Image"),
        *(Line(name, "Target Segmentor → Source Image") for name in results.config.floors),
        *_harmonized(results, "Target Segmentor → Harmonized Image ({})"),
    ]
    filled = [_utility_block(results, dataset, lines, shown_in(item.number)) for dataset in results.datasets]
    return table(item, filled, "test subjects", [*_subjects(results), *_published_remark(results)])


def _utility_block(
    results: Results, dataset: DatasetConfig, lines: Sequence[Line], quantities: Sequence[Quantity]
) -> Filled:
    pairs = results.pairs_of(dataset.name)
    labels = sorted(dataset.labels, key=dataset.labels.__getitem__)
    columns = [
        Column(
            pair, quantity, _group(pair, label, len(pairs), len(labels)), head(quantity, quantity.short), fixed, label
        )
        for pair in pairs
        for label in labels
        for quantity in quantities
    ]
    protocol = {
        "holdout": "",
        "leave_one_out": " (leave one subject out)",
        "cross_validation": f" ({dataset.split.folds}-fold cross-validation)",
    }[dataset.split.protocol]
    return fill(results, f"{dataset.title}{protocol}", columns, lines)


def _group(pair: Pair, label: str, pairs: int, labels: int) -> str:
    if labels == 1:
        return pair.title
    return label if pairs == 1 else f"{pair.title}, {label}"


def _subjects(results: Results) -> list[str]:
    """A sentence with the number of test subjects of each pair."""
    counts = [
        f"{pair.dataset.title} {pair.title} {results.test_subjects(pair)} in {len(pair.folds)} "
        f"fold{'s' * (len(pair.folds) != 1)}"
        for pair in results.pairs
    ]
    return [f"Test subjects: {'; '.join(counts)}."]


def _published_remark(results: Results) -> list[str]:
    if not any(is_papers_own(dataset) for dataset in results.datasets):
        return ["The paper's numbers are not shown: this benchmark runs other data than the paper's."]
    return ["In brackets after 'paper': the paper's printed number, and obtained − printed."]


def sensitivity(results: Results, item: Item) -> Table:
    """Table VI: areas under the curves of Eqs. 6 and 7 up to σ = 0.2, beside the quantity that ranks the methods.

    Fig. 9a shows the curves.
    """
    lines, shown = method_lines(results), [*shown_in(item.number), primary()]
    filled = []
    for dataset in results.datasets:
        columns = [
            Column(pair, quantity, pair.title, head(quantity, quantity.short), significant, label=None)
            for pair in results.pairs_of(dataset.name)
            for quantity in shown
        ]
        filled.append(fill(results, dataset.title, columns, lines))
    return table(item, filled, "test subjects", _subjects(results))
