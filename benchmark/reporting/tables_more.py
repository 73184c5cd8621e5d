"""Tables VII (statistics), VIII (cost) and S1 (every other quantity)."""

import math
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import metric_class, quantities
from benchmark.reporting import captions
from benchmark.reporting.files import Item
from benchmark.reporting.model import ARROWS, MISSING, Block, Entry, Row, Table, head, significant
from benchmark.reporting.names import method_card
from benchmark.reporting.results import Results
from benchmark.reporting.scope import Pair
from benchmark.reporting.tables_scores import Column, Line, display, fill, ranked, table
from benchmark.statistics.compare import compare

# What Tables IV to VI and Fig. 9a show, and what only serves others.
SHOWN_ELSEWHERE = frozenset(
    {
        "kid", "kid_before", "kid_std", "kid_subset_size", "kid_gap_closed", "fid", "dice", "iou",
        "sensitivity_mse", "sensitivity_ssim", "sensitivity_auc_mse", "sensitivity_auc_ssim",
    }
)  # fmt: skip
COLUMNS_IN_BLOCK = 6


def cost(results: Results, item: Item) -> Table:
    """Table VIII: what a method costs, a block for each pair; nothing is bold, since cheap alone is no merit."""
    lines = [Line(m.name, display(results, m), ranked(m)) for m in results.methods]
    filled = []
    for pair in results.pairs:
        columns = [replace(_column(pair, q, ""), better="neither") for q in metric_class("cost").quantities]
        filled.append(fill(results, f"{pair.dataset.title}, {pair.title}", columns, lines))
    return table(item, "table_cost", filled, "folds and seeds")


def everything_else(results: Results, item: Item) -> Table:
    """Table S1: every quantity that no other table shows, for one pair."""
    pair = results.pair(item.dataset, item.pair)
    columns = [
        _column(pair, quantity, label) for quantity in _others(results) for label in _labels(results, pair, quantity)
    ]
    lines = [Line(m.name, display(results, m), ranked(m)) for m in results.methods]
    parts = [columns[i : i + COLUMNS_IN_BLOCK] for i in range(0, len(columns), COLUMNS_IN_BLOCK)]
    filled = [fill(results, pair.title, part, lines) for part in parts]
    return table(item, "table_all", filled, "test subjects or folds")


def _others(results: Results) -> Iterator[Quantity]:
    cost_names = {q.name for q in metric_class("cost").quantities}
    scored = set(results.table["metric"])
    return (q for name, q in quantities().items() if name in scored - SHOWN_ELSEWHERE - cost_names)


def _labels(results: Results, pair: Pair, quantity: Quantity) -> list[str]:
    """Labels of a quantity on a pair: the dataset's classes in their order, or the empty one."""
    rows = results.table
    rows = rows[rows["metric"].eq(quantity.name) & rows["dataset"].eq(pair.dataset.name)]
    found = set(rows["label"]) - {""}
    return sorted(found, key=lambda label: pair.dataset.labels.get(label, 0)) or [""]


def _column(pair: Pair, quantity: Quantity, label: str) -> Column:
    group, text = (head(quantity), label) if label else ("", head(quantity))
    return Column(pair, quantity.name, quantity.better, group, text, significant, label)


def statistics(results: Results, item: Item, compared: pd.DataFrame) -> Table:
    """Table VII of one pair: the proposed method against every other.

    Args:
        compared: of ``benchmark.statistics.compare``, for the whole benchmark.
    """
    pair = results.pair(item.dataset, item.pair)
    rows = compared[
        compared["dataset"].eq(pair.dataset.name)
        & compared["source"].eq(pair.source)
        & compared["target"].eq(pair.target)
    ]
    known = quantities()
    blocks = []
    for (metric, label), part in rows.groupby(["metric", "label"], sort=False):
        quantity = known[str(metric)]
        title = f"{quantity.title}{f', {label}' if label else ''}{ARROWS[quantity.better]}: proposed against"
        blocks.append(_statistics_block(title, part))
    missing = [] if blocks else ["No headline quantity has a number for each subject on this pair."]
    proposed = method_card(results.config.proposed).title
    there = int((rows["subjects"] > 0).sum())
    remarks = [
        f"Proposed: {proposed}. Coverage: {there} of {len(rows)} comparisons have subjects with numbers of both "
        f"methods; n is how many of {results.test_subjects(pair)} test subjects.",
        *missing,
    ]
    return Table(item, captions.paragraphs("table_statistics"), tuple(blocks), rows, tuple(remarks))


def _statistics_block(title: str, part: pd.DataFrame) -> Block:
    heads = ("n", "mean difference", "95 % interval", "p", "p, Holm", "p < 0.05")
    return Block(
        title, heads, tuple(Row(method_card(str(c["method"])).title, _comparison(c)) for _, c in part.iterrows())
    )


def _comparison(row: pd.Series) -> tuple[Entry, ...]:
    notes = (str(row["note"]),) if row["note"] else ()
    if not row["subjects"]:
        return (Entry("0", notes=notes), *[Entry(MISSING)] * 5)
    interval = MISSING if math.isnan(row["low"]) else f"{significant(row['low'])} to {significant(row['high'])}"
    return (
        Entry(str(int(row["subjects"]))),
        Entry(significant(row["difference"]), bold=row["significant"] == "yes"),
        Entry(interval),
        Entry(significant(row["p"], 2)),
        Entry(significant(row["p_holm"], 2)),
        Entry(str(row["significant"]) or "not possible", notes=notes),
    )


def comparisons(results: Results) -> pd.DataFrame:
    """The comparisons of the whole benchmark; seconds, so they are made once for all pairs."""
    return compare(results.table, results.config)
