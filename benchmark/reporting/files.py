"""The files of a report, from the config alone: the workflow lists them before anything runs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.reporting.scope import Pair, datasets, pairs
from benchmark.runtime import paths

SCANNER_TABLES = {"msseg": ("1", "I"), "retouch": ("2", "II"), "ixi": ("3", "III")}
RESULT_FIGURES = {"msseg": "6", "retouch": "7", "ixi": "8"}
TABLE_FORMATS = ("csv", "md", "tex", "html")
FIGURE_FORMATS = ("pdf", "png")
# `snakemake --report` embeds these formats.
EMBEDDED = ("csv", "png")


@dataclass(frozen=True)
class Item:
    """A table or a figure.

    Attributes:
        key: its file's name without the ending.
        kind: what it shows; its caption is ``workflow/report/<kind>.rst``.
        number: as in the paper (``Table IV``, ``Fig. 8``) or beyond it (``Table S1``).
        subject: the dataset and pair in words; empty for all datasets.
        dataset: its dataset; empty for all.
        pair: its scanner pair; empty for all.
    """

    key: str
    kind: str
    number: str
    subject: str = ""
    dataset: str = ""
    pair: str = ""


@dataclass(frozen=True)
class ReportFile:
    """One file of the report.

    Attributes:
        name: identifier, unique among the outputs of a rule.
        caption: file in ``workflow/report`` if ``snakemake --report`` embeds this one, or None.
        labels: shown by ``snakemake --report``.
    """

    name: str
    path: Path
    caption: str | None
    category: str
    labels: Mapping[str, str] = field(default_factory=dict)


def table_items(config: BenchmarkConfig) -> list[Item]:
    """Every table of the benchmark, in order."""
    return [
        Item("table-9", "table_claims", "Table IX"),
        *_scanner_tables(config),
        Item("table-4", "table_fidelity", "Table IV"),
        Item("table-5", "table_utility", "Table V"),
        Item("table-6", "table_sensitivity", "Table VI"),
        *(_pair_item("table-7", "table_statistics", "Table VII", pair) for pair in pairs(config)),
        Item("table-8", "table_cost", "Table VIII"),
        *(_pair_item("table-s1", "table_all", "Table S1", pair) for pair in pairs(config)),
    ]


def _scanner_tables(config: BenchmarkConfig) -> Iterator[Item]:
    for dataset in datasets(config):
        number, roman = SCANNER_TABLES.get(dataset.family or "", ("s2", "S2"))
        key = f"table-{number}-{dataset.name}"
        yield Item(key, "table_scanners", f"Table {roman}", dataset.title, dataset.name)


def figure_items(config: BenchmarkConfig) -> list[Item]:
    """Every figure of the benchmark, in order."""
    return [
        Item("figure-1", "figure_samples", "Fig. 1"),
        *_result_figures(config),
        Item("figure-9a", "figure_sensitivity", "Fig. 9a"),
        *(_pair_item("figure-9b", "figure_reconstructions", "Fig. 9b", pair) for pair in pairs(config)),
        *(Item(f"figure-s1-{d.name}", "figure_training", "Fig. S1", d.title, d.name) for d in datasets(config)),
    ]


def _result_figures(config: BenchmarkConfig) -> Iterator[Item]:
    for dataset in datasets(config):
        number = RESULT_FIGURES.get(dataset.family or "", "S2")
        key = f"figure-{number.lower()}-{dataset.name}"
        yield Item(key, "figure_results", f"Fig. {number}", dataset.title, dataset.name)


def _pair_item(key: str, kind: str, number: str, pair: Pair) -> Item:
    name = pair.dataset.name
    return Item(f"{key}-{name}-{pair.name}", kind, number, f"{pair.dataset.title}, {pair.title}", name, pair.name)


def table_path(config: BenchmarkConfig, item: Item, ending: str) -> Path:
    """One format of a table."""
    return paths.report(config.benchmark) / "tables" / f"{item.key}.{ending}"


def figure_path(config: BenchmarkConfig, item: Item, ending: str) -> Path:
    """One format of a figure."""
    return paths.report(config.benchmark) / "figures" / f"{item.key}.{ending}"


def leaderboard_path(config: BenchmarkConfig, ending: str) -> Path:
    """One format of the rendered leaderboard."""
    return paths.report(config.benchmark) / f"leaderboard.{ending}"


def page_path(config: BenchmarkConfig) -> Path:
    """The page that shows everything."""
    return paths.report(config.benchmark) / "index.html"


def table_files(config: BenchmarkConfig) -> list[ReportFile]:
    """The files that ``make_tables`` writes."""
    board = Item("leaderboard", "leaderboard", "Leaderboard")
    return [
        *(_file(board, leaderboard_path(config, ending), "Leaderboard") for ending in TABLE_FORMATS),
        *(
            _file(item, table_path(config, item, ending), "Tables")
            for item in table_items(config)
            for ending in TABLE_FORMATS
        ),
    ]


def figure_files(config: BenchmarkConfig) -> list[ReportFile]:
    """The files that ``make_figures`` writes."""
    return [
        _file(item, figure_path(config, item, ending), "Figures")
        for item in figure_items(config)
        for ending in FIGURE_FORMATS
    ]


def _file(item: Item, path: Path, category: str) -> ReportFile:
    ending = path.suffix.removeprefix(".")
    name = re.sub(r"\W", "_", f"{item.key}_{ending}")
    labels = {category.removesuffix("s"): item.number, "of": item.subject or "all datasets"}
    return ReportFile(name, path, f"{item.kind}.rst" if ending in EMBEDDED else None, category, labels)
