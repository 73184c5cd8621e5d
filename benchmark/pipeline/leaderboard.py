"""All scores in one table, and the leaderboard: one row for each dataset, pair and method."""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from benchmark.config.benchmark import EXTERNAL, BenchmarkConfig
from benchmark.config.cells import cells_of, judged
from benchmark.metrics import registry as metrics
from benchmark.metrics.base import Quantity
from benchmark.results import scores
from benchmark.results.scores import ALL, REFERENCES
from benchmark.runtime import paths
from benchmark.runtime.checksums import write_with_checksum
from benchmark.runtime.errors import DataError
from benchmark.runtime.paths import Cell
from benchmark.statistics.aggregate import PAIR, Aggregate, Average
from benchmark.statistics.compare import differ, significant


def gather(config: BenchmarkConfig) -> None:
    """Concatenates all scores to ``paths.scores``, and makes the leaderboard, ``paths.leaderboard``, of them.

    Raises:
        DataError: a cell's scores are missing, or lack a quantity.
    """
    tables = []
    for dataset, pair, fold in judged(config):
        tables += [_complete(config, cell) for cell in cells_of(config, dataset, pair, fold)]
        tables.append(scores.read(paths.reference_rows(config.benchmark, dataset, pair, fold)))
    path = paths.scores(config.benchmark)
    scores.write(path, pd.concat(tables, ignore_index=True))
    # From the file, whose numbers are rounded: the file alone gives the same leaderboard.
    write_with_checksum(paths.leaderboard(config.benchmark), leaderboard(scores.read(path), config))


def _complete(config: BenchmarkConfig, cell: Cell) -> pd.DataFrame:
    """Scores of a cell, checked to have a row of every quantity."""
    table = scores.read(cell.scores)
    expected = {q.name for name in config.metrics for q in metrics.metric_class(name).quantities}
    if absent := expected - set(table["metric"]):
        remedy = "Delete it and run snakemake, which scores again"
        raise DataError(cell.scores, f"has no row of {', '.join(sorted(absent))}", remedy)
    return table


def leaderboard(table: pd.DataFrame, config: BenchmarkConfig) -> pd.DataFrame:
    """Headline numbers of each method on each pair, averaged by :class:`benchmark.statistics.aggregate.Aggregate`.

    Args:
        table: tidy table of scores; methods scored from outside the config come last.

    Returns:
        Besides the names: ``cells`` of ``cells_expected`` (folds times seeds) and ``subjects`` of
        ``subjects_expected`` that have numbers, and the ``reason`` why others have none; then each headline quantity.
        Each has ``_n``, how many subjects or folds have a number; with several seeds ``_seed_std``; and where there is
        an interval, its ends ``_low`` and ``_high`` (95 %) and ``_tied``: whether nothing tells it from the best one: a
        test where numbers are of subjects, else intervals that overlap. Controls are neither the best nor tied with it.
        ``rank`` is one more than the number of methods that are significantly better in the primary quantity, and
        missing on a pair whose segmentor is unfit;
        ``unharmonized_better`` says whether the mean of a control that leaves images alone is.
    """
    aggregate, scored = Aggregate(table), set(table["metric"])
    headline = [q for q in metrics.quantities().values() if q.headline and q.name in scored]
    rows: list[dict[str, Any]] = []
    for pair, own in aggregate.pairs.items():
        board = {method: _describe(own, method, config, aggregate.subjects(pair)) for method in _ordered(own, config)}
        for quantity in headline:
            found = {method: aggregate.average(pair, method, quantity) for method in board}
            there = {method: number for method, number in found.items() if number.there}
            contenders = {method for method in there if aggregate.contends(pair, method, quantity, config)}
            for method, columns in _columns(quantity, there, contenders, config).items():
                board[method].update(columns)
            if quantity.primary:
                fit = aggregate.ranks(pair, config)
                for method, rank in _ranks(quantity, there, contenders, config).items():
                    board[method]["rank"] = rank if fit else math.nan
                for method in there:
                    board[method]["unharmonized_better"] = aggregate.below(pair, method, config)
        where = dict(zip(PAIR, pair, strict=True))
        rows += [{"benchmark": config.benchmark, **where, **row} for row in board.values()]
    return pd.DataFrame(rows)


def _ordered(pair: pd.DataFrame, config: BenchmarkConfig) -> list[str]:
    there = set(pair["method"]) - set(REFERENCES)
    return [*(m for m in config.methods if m in there), *sorted(there - set(config.methods))]


def _describe(pair: pd.DataFrame, method: str, config: BenchmarkConfig, subjects: int) -> dict[str, Any]:
    """Name, kind and coverage of a method."""
    rows = pair[pair["method"] == method]
    cells = [cell for _, cell in rows.groupby(["fold", "seed"])]
    empty = [cell for cell in cells if not (cell["status"] == "ok").any()]
    failed = set(rows.loc[rows["status"] == "failed", "reason"])
    by_subject = rows[(rows["status"] == "ok") & (rows["subject"] != ALL)]
    known = config.cards.get(method)
    return {
        "method": method,
        "title": known.title if known else method,
        "kind": known.kind if known else EXTERNAL,
        "cells": len(cells) - len(empty),
        "cells_expected": pair["fold"].nunique() * rows["seed"].nunique(),
        "subjects": by_subject["subject"].nunique(),
        "subjects_expected": subjects,
        "reason": "; ".join(sorted(failed.union(*(cell["reason"] for cell in empty)))),
    }


def _columns(
    quantity: Quantity, there: Mapping[str, Average], contenders: set[str], config: BenchmarkConfig
) -> dict[str, dict[str, Any]]:
    """Columns of one quantity, by method."""
    name = quantity.name
    columns: dict[str, dict[str, Any]] = {}
    contenders = contenders if quantity.better in ("higher", "lower") else set()
    tied = _tied(quantity, there, contenders, config)
    for method, number in there.items():
        columns[method] = {name: number.mean, f"{name}_n": number.n}
        if number.by_subject or quantity.interval:
            columns[method] |= {
                f"{name}_low": number.interval.low,
                f"{name}_high": number.interval.high,
                f"{name}_tied": method in tied,
            }
        if not math.isnan(number.seed_sd):
            columns[method][f"{name}_seed_std"] = number.seed_sd
    return columns


def _tied(quantity: Quantity, there: Mapping[str, Average], contenders: set[str], config: BenchmarkConfig) -> set[str]:
    """The best of the contenders, and those that nothing tells from it."""
    if not contenders:
        return set()
    best = min(sorted(contenders), key=lambda method: quantity.shortfall(there[method].mean))
    others = sorted(contenders - {best})
    apart = significant([differ(there, config, best, method) for method in others])
    return {best, *(method for method, told in zip(others, apart, strict=True) if not told)}


def _ranks(
    quantity: Quantity, there: Mapping[str, Average], contenders: set[str], config: BenchmarkConfig
) -> dict[str, float]:
    """Ranks of the contenders that can be tested against all others; p-values are corrected over all pairs."""
    pairs = list(combinations(sorted(contenders), 2))
    found = [differ(there, config, *pair) for pair in pairs]
    untested = {method for pair, each in zip(pairs, found, strict=True) if each.note for method in pair}
    better = dict.fromkeys(contenders, 0)
    for (one, other), each, told in zip(pairs, found, significant(found), strict=True):
        first = (each.interval.mean > 0) == (quantity.better == "higher")
        better[other if first else one] += told
    return {method: math.nan if method in untested or not pairs else 1.0 + n for method, n in better.items()}
