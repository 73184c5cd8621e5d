"""The leaderboard as a table: ranks with ties, controls unranked, coverage."""

import math
from collections.abc import Sequence

import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import primary, quantities, shown_in
from benchmark.reporting import captions
from benchmark.reporting.files import Item
from benchmark.reporting.model import MISSING, Block, Entry, Row, Table, best, counted, head, interval, significant
from benchmark.reporting.names import CONTROL, marked
from benchmark.reporting.results import Results
from benchmark.reporting.scope import Pair
from benchmark.reporting.tables_scores import unfit_pairs
from benchmark.runtime import paths
from benchmark.runtime.checksums import read_verified
from benchmark.statistics.intervals import ENOUGH_SEEDS, ENOUGH_SUBJECTS

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
    unranked = [
        f"{p.dataset.title} {p.title}"
        for p, rows in by_pair
        if rows["rank"].isna().all() and results.aggregate.ranks(p.key, results.config)
    ]
    ranks = f"No ranks on {', '.join(unranked)}: a test needs {ENOUGH_SUBJECTS} test subjects and {ENOUGH_SEEDS} seeds."
    remarks = (coverage, *([ranks] if unranked else []), *_left_out(results, shown), *unfit_pairs(results))
    return Table(ITEM, captions.paragraphs("leaderboard"), tuple(blocks), board, remarks)


def _left_out(results: Results, shown: Sequence[Quantity]) -> list[str]:
    """A sentence for each quantity with classes that have no number, and so no part in its mean over classes."""
    said = []
    for quantity in shown:
        rows = quantity.rows(results.table)
        absent = []
        for pair in results.pairs:
            labels = [
                label
                for label in pair.dataset.labels
                if label in set(pair.rows(rows)["label"])
                and not any(results.average(pair, method.name, quantity, label).there for method in results.methods)
            ]
            absent += [f"{pair.dataset.title} {pair.title} {', '.join(labels)}"] if labels else []
        said += [f"{quantity.title}, classes without a number: {'; '.join(absent)}."] if absent else []
    return said


def ranked_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one pair, ranked ones first and controls last, with the columns ``rank`` and ``control``."""
    name = primary().name
    absent = {name, "rank"} - set(rows.columns)  # where no method has a number
    rows = rows.assign(**dict.fromkeys(sorted(absent), math.nan))
    made = rows.assign(control=rows["kind"].eq(CONTROL))
    return made.sort_values(["control", "rank", name], ascending=[True, True, False], kind="stable")


def _block(results: Results, pair: Pair, rows: pd.DataFrame, shown: list[Quantity]) -> Block:
    shown = [q for q in shown if rows[q.name].notna().any()]
    columns = {q.name: _column(results, pair, q, rows) for q in shown}
    control = list(rows["control"])
    made = [
        Row(
            _title(results, row, [pair]),
            (_rank(row, rows), *_coverage(row), *(columns[q.name][i] for q in shown)),
            rule=i > 0 and control[i] and not control[i - 1],
        )
        for i, (_, row) in enumerate(rows.iterrows())
    ]
    heads = ("rank", "cells", "subjects", *map(head, shown))
    mark = " (unfit, see below)" if results.unfit(pair) else ""
    return Block(f"{pair.dataset.title}, {pair.title}{mark}", heads, tuple(made))


def _column(results: Results, pair: Pair, quantity: Quantity, rows: pd.DataFrame) -> list[Entry]:
    """Entries of one quantity, with the best and its ties marked unless the pair has no ranks."""
    ranks = bool(rows["rank"].notna().any())
    contends = [ranks and results.contends(pair, method, quantity) for method in rows["method"]]
    values = [float(v) for v in rows[quantity.name]]
    texts = [None if math.isnan(v) else significant(v) for v in values]
    wins = best([t if c else None for t, c in zip(texts, contends, strict=True)], quantity)
    entries = []
    for text, win, contender, (_, row) in zip(texts, wins, contends, rows.iterrows(), strict=True):
        if text is None:
            entries.append(Entry(MISSING))
            continue
        tied = contender and not win and row.get(f"{quantity.name}_tied") in (True, "True")
        average = results.average(pair, str(row["method"]), quantity, None)
        n = counted(average.n, average.total, average.unit)
        low, high = (row.get(f"{quantity.name}_{end}", math.nan) for end in ("low", "high"))
        doubtful = results.doubtful(str(row["method"]), average)
        ends = interval(low, high, doubtful) if quantity.primary or quantity.interval else ""
        seeds = row.get(f"{quantity.name}_seed_std", math.nan)
        spread = "" if pd.isna(seeds) else f" ± {significant(seeds, 1)}"
        entries.append(Entry(text + spread + " ≈" * tied, bold=win, aside=" ".join(filter(None, [n, ends]))))
    return entries


def _title(results: Results, row: pd.Series, pairs: Sequence[Pair]) -> str:
    title = marked(str(row["title"]), str(row["method"]), results.config.proposed)
    return f"{title}, control" if row["control"] else title + results.mark(row["method"], [pair.key for pair in pairs])


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
    """Over all pairs: means of the methods with a number on every pair, which come first by their mean rank.

    The mean rank is over the pairs with ranks. A method without a number on some pair has no mean: it would be of other
    pairs than the means of the others.
    """
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
    summary.loc[summary["pairs"] < len(by_pair), ["mean_rank", "mean"]] = math.nan
    summary["rank"] = summary["mean_rank"].rank(method="min")
    summary = summary.sort_values(["control", "rank", "mean"], ascending=[True, True, False])
    rows = [_overall_row(results, row, summary, len(by_pair)) for _, row in summary.iterrows()]
    ranking = sum(bool(rows["rank"].notna().any()) for _, rows in by_pair)
    heads = ("rank", "mean rank", f"first or tied with it, of {ranking} pairs", f"mean {head(quantity)}", "pairs")
    return Block("All pairs", heads, tuple(rows))


def _overall_row(results: Results, row: pd.Series, summary: pd.DataFrame, pairs: int) -> Row:
    partial = row["pairs"] < pairs
    notes = ("A method without a number on every pair has neither an overall rank nor means.",)
    entries = (
        _rank(row, summary),
        Entry(MISSING if pd.isna(row["mean_rank"]) else f"{row['mean_rank']:.3g}"),
        Entry(MISSING if row["control"] else str(row["firsts"])),
        Entry(MISSING if pd.isna(row["mean"]) else significant(row["mean"])),
        Entry(f"{row['pairs']}/{pairs}", notes=notes if partial else ()),
    )
    return Row(_title(results, row, results.pairs), entries)
