"""The leaderboard as a table: ranks with ties, controls unranked, coverage."""

import math
from collections.abc import Sequence

import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import primary, quantities, shown_in
from benchmark.reporting import captions
from benchmark.reporting.files import Item
from benchmark.reporting.model import MISSING, Block, Entry, Row, Table, best, head, significant
from benchmark.reporting.names import CONTROL, marked
from benchmark.reporting.results import Results
from benchmark.reporting.scope import Pair
from benchmark.runtime import paths
from benchmark.runtime.checksums import read_verified

ITEM = Item("leaderboard", "leaderboard", "Leaderboard")


def read_board(config: BenchmarkConfig) -> pd.DataFrame:
    """The benchmark's ``leaderboard.csv``.

    Raises:
        DataError: missing, cut short or changed since.
    """
    return pd.read_csv(read_verified(paths.leaderboard(config.benchmark)), keep_default_na=False, na_values=[""])


def leaderboard_table(results: Results, board: pd.DataFrame) -> Table:
    """An overall block, then one for each pair.

    Args:
        board: see :func:`benchmark.pipeline.leaderboard.leaderboard`.
    """
    # The cheapest method is not the best, and usually the one that does nothing: costs have their own table.
    headline = [q for q in quantities().values() if q.headline and q.name in board and q not in shown_in("Table VIII")]
    shown = sorted(headline, key=lambda q: not q.primary)
    by_pair = [(pair, ranked_rows(pair.rows(board))) for pair in results.pairs]
    blocks = [_overall(results, by_pair), *(_block(results, pair, rows, shown) for pair, rows in by_pair)]
    done, expected = int(board["cells"].sum()), int(board["cells_expected"].sum())
    coverage = f"Coverage: {done} of {expected} cells have numbers; the reasons for the others are in the footnotes."
    return Table(ITEM, captions.paragraphs("leaderboard"), tuple(blocks), board, (coverage,))


def ranked_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one pair, ranked ones first and controls last, with the columns ``rank`` and ``control``."""
    name = primary().name
    absent = {name, f"{name}_low", f"{name}_high", "rank"} - set(rows.columns)  # where no method has a number
    rows = rows.assign(**dict.fromkeys(sorted(absent), math.nan))
    made = rows.assign(control=rows["kind"].eq(CONTROL))
    return made.sort_values(["control", "rank", name], ascending=[True, True, False], kind="stable")


def _block(results: Results, pair: Pair, rows: pd.DataFrame, shown: list[Quantity]) -> Block:
    shown = [q for q in shown if rows[q.name].notna().any()]
    contends = list(~rows["control"])
    columns = {q.name: _column(q, rows, contends) for q in shown}
    made = [
        Row(
            _title(results, row),
            (_rank(row, rows), *_coverage(row), *(columns[q.name][i] for q in shown)),
            rule=i > 0 and contends[i - 1] and not contends[i],
        )
        for i, (_, row) in enumerate(rows.iterrows())
    ]
    heads = ("rank", "cells", "subjects", *map(head, shown))
    return Block(f"{pair.dataset.title}, {pair.title}", heads, tuple(made))


def _column(quantity: Quantity, rows: pd.DataFrame, contends: list[bool]) -> list[Entry]:
    """Entries of one quantity, with the best and its ties marked unless the pair has no ranks."""
    if rows["rank"].isna().all():
        contends = [False] * len(rows)
    values = [float(v) for v in rows[quantity.name]]
    texts = [None if math.isnan(v) else significant(v) for v in values]
    wins = best([t if c else None for t, c in zip(texts, contends, strict=True)], quantity.better)
    entries = []
    for text, win, contender, (_, row) in zip(texts, wins, contends, rows.iterrows(), strict=True):
        if text is None:
            entries.append(Entry(MISSING))
            continue
        tied = contender and not win and row.get(f"{quantity.name}_tied") in (True, "True")
        low, high = (row.get(f"{quantity.name}_{end}", math.nan) for end in ("low", "high"))
        interval = "" if not quantity.primary or pd.isna(low) else f"[{significant(low)}, {significant(high)}]"
        seeds = row.get(f"{quantity.name}_seed_std", math.nan)
        spread = "" if pd.isna(seeds) else f" ± {significant(seeds, 1)}"
        entries.append(Entry(text + spread + " ≈" * tied, bold=win, aside=interval))
    return entries


def _title(results: Results, row: pd.Series) -> str:
    title = marked(str(row["title"]), str(row["method"]), results.config.proposed)
    return f"{title}, control" if row["control"] else title


def _rank(row: pd.Series, rows: pd.DataFrame) -> Entry:
    if pd.isna(row["rank"]):
        return Entry(MISSING)
    return Entry(f"{int(row['rank'])}{'=' if (rows['rank'] == row['rank']).sum() > 1 else ''}")


def _coverage(row: pd.Series) -> tuple[Entry, Entry]:
    """Cells and subjects with numbers, of all."""
    notes = () if pd.isna(row["reason"]) else (str(row["reason"]),)
    cells, subjects = (f"{int(row[what])}/{int(row[f'{what}_expected'])}" for what in ("cells", "subjects"))
    return Entry(cells, notes=notes), Entry(subjects)


def _overall(results: Results, by_pair: Sequence[tuple[Pair, pd.DataFrame]]) -> Block:
    """Over all pairs: methods with a number on every pair first, by their mean rank over the pairs with ranks."""
    everything, quantity = pd.concat([rows for _, rows in by_pair]), primary()
    groups = everything.groupby("method", sort=False)
    summary = groups.agg(
        title=("title", "first"),
        kind=("kind", "first"),
        control=("control", "first"),
        mean_rank=("rank", "mean"),
        pairs=(quantity.name, "count"),
        mean=(quantity.name, "mean"),
    )
    summary["firsts"] = groups["rank"].agg(lambda ranks: int((ranks == 1).sum()))
    summary["method"] = summary.index
    complete = summary["pairs"].eq(len(by_pair)) & ~summary["control"]
    summary["rank"] = summary.loc[complete, "mean_rank"].rank(method="min")
    summary = summary.sort_values(["control", "rank", "mean"], ascending=[True, True, False])
    rows = [_overall_row(results, row, summary, len(by_pair)) for _, row in summary.iterrows()]
    ranking = sum(bool(rows["rank"].notna().any()) for _, rows in by_pair)
    heads = ("rank", "mean rank", f"first or tied with it, of {ranking} pairs", f"mean {head(quantity)}", "pairs")
    return Block("All pairs", heads, tuple(rows))


def _overall_row(results: Results, row: pd.Series, summary: pd.DataFrame, pairs: int) -> Row:
    partial = not row["control"] and row["pairs"] < pairs
    notes = ("A method without a number on every pair has no overall rank; its means are over fewer pairs.",)
    entries = (
        _rank(row, summary),
        Entry(MISSING if pd.isna(row["mean_rank"]) else f"{row['mean_rank']:.3g}"),
        Entry(MISSING if row["control"] else str(row["firsts"])),
        Entry(MISSING if pd.isna(row["mean"]) else significant(row["mean"])),
        Entry(f"{row['pairs']}/{pairs}", notes=notes if partial else ()),
    )
    return Row(_title(results, row), entries)
