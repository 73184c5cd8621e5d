"""Tables VII (statistics), VIII (cost) and S1 (every other quantity)."""

import math
from dataclasses import replace

import pandas as pd

from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import quantities, shown_in
from benchmark.reporting import captions
from benchmark.reporting.files import Item
from benchmark.reporting.model import (
    MISSING,
    Block,
    Entry,
    Row,
    Table,
    counted,
    head,
    interval,
    side_by_side,
    significant,
)
from benchmark.reporting.names import method_card
from benchmark.reporting.results import Results
from benchmark.reporting.scope import Pair
from benchmark.reporting.tables_scores import Column, fill, method_lines, table

COLUMNS_IN_BLOCK = 6
"""Of Table S1."""
COMPARISONS_IN_BLOCK = 5
"""Of Table VII."""


def cost(results: Results, item: Item) -> Table:
    """Table VIII: the cost of each method, a block for each pair."""
    filled = []
    for pair in results.pairs:
        columns = [_column(pair, quantity, "") for quantity in shown_in(item.number)]
        filled.append(fill(results, f"{pair.dataset.title}, {pair.title}", columns, method_lines(results)))
    return table(item, filled, "folds and seeds")


def everything_else(results: Results, item: Item) -> Table:
    """Table S1: every quantity that no other table shows, for one pair.

    A quantity without any number becomes a sentence below the table; the CSV keeps its rows.
    """
    pair = results.pair(item.dataset, item.pair)
    scored = set(results.table["metric"])
    filled, absent = [], []
    for quantity in shown_in(item.number):
        if quantity.name in scored:
            columns = [_column(pair, quantity, label) for label in _labels(results, pair, quantity)]
            filled.append(fill(results, pair.title, columns, method_lines(results)))
            absent += [filled[-1].absence(quantity.title)] if filled[-1].empty else []
    blocks = side_by_side([f.block for f in filled if not f.empty], COLUMNS_IN_BLOCK)
    return table(item, filled, "test subjects or folds", absent, blocks)


def _labels(results: Results, pair: Pair, quantity: Quantity) -> list[str]:
    """Labels of a quantity: the dataset's classes in their order, or the empty one."""
    rows = quantity.rows(results.table)
    found = set(rows.loc[rows["dataset"].eq(pair.dataset.name), "label"]) - {""}
    return sorted(found, key=lambda label: pair.dataset.labels.get(label, 0)) or [""]


def _column(pair: Pair, quantity: Quantity, label: str) -> Column:
    shown, scale = _unit_shown(pair, quantity)
    group, text = (head(shown), label) if label else ("", head(shown))
    return Column(pair, quantity, group, text, significant, label, scale=scale)


def _unit_shown(pair: Pair, quantity: Quantity) -> tuple[Quantity, float]:
    """A quantity in the unit of its table, and the factor to it: OCT volumes are in mm³, as in the literature."""
    if quantity.unit == "mL" and pair.dataset.preparation.kind == "oct":
        return replace(quantity, unit="mm³"), 1000.0
    return quantity, 1.0


def statistics(results: Results, item: Item) -> Table:
    """Table VII of one pair: the proposed method against every other."""
    pair = results.pair(item.dataset, item.pair)
    rows = pair.rows(results.comparisons)
    blocks = [
        _statistics_block(results, pair, str(metric), part) for metric, part in rows.groupby("metric", sort=False)
    ]
    missing = [] if blocks else ["No headline quantity has a number for each subject on this pair."]
    proposed = results.config.cards[results.config.proposed]
    there = int((rows["subjects"] > 0).sum())
    remarks = [
        f"The proposed method is {proposed.name} ({proposed.reference}). Coverage: {there} of {len(rows)} comparisons "
        "have subjects with numbers of both methods.",
        *missing,
    ]
    shown = tuple(side_by_side(blocks, COMPARISONS_IN_BLOCK))
    return Table(item, captions.paragraphs("table_statistics"), shown, rows, tuple(remarks))


def _statistics_block(results: Results, pair: Pair, metric: str, part: pd.DataFrame) -> Block:
    """One quantity: rows are the other methods, columns the labels."""
    labels = sorted(dict.fromkeys(part["label"]), key=lambda label: pair.dataset.labels.get(label, 0))
    title = head(quantities()[metric])
    cells = {(row["method"], row["label"]): _comparison(row, results.test_subjects(pair)) for _, row in part.iterrows()}
    rows = tuple(
        Row(
            method_card(results.config, method).title + results.mark(method, [pair.key]),
            tuple(cells[method, label] for label in labels),
        )
        for method in dict.fromkeys(part["method"])
    )
    if labels == [""]:
        return Block("Proposed against", (title,), rows)
    return Block("Proposed against", tuple(labels), rows, ((title, len(labels)),))


def _comparison(row: pd.Series, total: int) -> Entry:
    notes = (str(row["note"]),) if row["note"] else ()
    if not row["subjects"]:
        return Entry(MISSING, notes=notes)
    text, aside = significant(row["difference"]), counted(int(row["subjects"]), total, "subject")
    if not math.isnan(row["low"]):
        aside += f" {interval(row['low'], row['high'], doubtful=bool(row['note']))}"
    if not math.isnan(row["p"]):
        aside += f" p {significant(row['p_holm'], 2)}"
    return Entry(text, row["significant"] == "yes", aside, notes)
