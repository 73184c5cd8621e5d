"""One page with everything about a benchmark; it works from the file system."""

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from benchmark import __version__
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.reporting import captions
from benchmark.reporting.files import (
    FIGURE_FORMATS,
    TABLE_FORMATS,
    Item,
    figure_items,
    figure_path,
    page_path,
    table_items,
    table_path,
)
from benchmark.reporting.formats import to_html
from benchmark.reporting.leaderboard_table import leaderboard_table, read_board
from benchmark.reporting.origin import coverage, provenance
from benchmark.reporting.results import Results
from benchmark.reporting.templates import environment
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.errors import DataError

FORMAT_TITLES = {"csv": "CSV", "md": "Markdown", "tex": "LaTeX", "pdf": "PDF", "png": "PNG"}


@dataclass(frozen=True)
class Link:
    """A file, by its path relative to the page."""

    title: str
    path: str


@dataclass(frozen=True)
class TableView:
    """A rendered table with links to its other formats."""

    item: Item
    html: Markup
    links: tuple[Link, ...]


@dataclass(frozen=True)
class FigureView:
    """A figure with its caption and links."""

    item: Item
    caption: tuple[str, ...]
    image: str
    links: tuple[Link, ...]


def make_page(config: BenchmarkConfig) -> None:
    """Writes ``index.html`` from the rendered tables and figures, the leaderboard and the provenance of every cell.

    Raises:
        DataError: tables, figures, scores or leaderboard are missing.
    """
    results = Results.load(config)
    page = environment().get_template("index.html")
    write_atomically(
        page_path(config),
        page.render(
            config=config,
            version=__version__,
            datasets=[d.title for d in results.datasets],
            pairs=results.pairs,
            methods=results.methods,
            contents=_contents([*table_items(config), *figure_items(config)]),
            board=to_html(leaderboard_table(results, read_board(config))),
            tables=[_table(config, item) for item in table_items(config)],
            figures=[_figure(config, item) for item in figure_items(config)],
            coverage=coverage(results),
            provenance=provenance(config, results),
        ),
    )


def _contents(items: list[Item]) -> dict[str, list[Item]]:
    """Items by number, in order."""
    contents: dict[str, list[Item]] = {}
    for item in items:
        contents.setdefault(item.number, []).append(item)
    return contents


def _table(config: BenchmarkConfig, item: Item) -> TableView:
    links = [_link(config, table_path(config, item, ending)) for ending in TABLE_FORMATS if ending in FORMAT_TITLES]
    # Written and escaped by to_html.
    html = Markup(_existing(table_path(config, item, "html")).read_text(encoding="utf-8"))
    return TableView(item, html, tuple(links))


def _figure(config: BenchmarkConfig, item: Item) -> FigureView:
    links = tuple(_link(config, figure_path(config, item, ending)) for ending in FIGURE_FORMATS)
    return FigureView(item, captions.paragraphs(item.kind), links[FIGURE_FORMATS.index("png")].path, links)


def _link(config: BenchmarkConfig, path: Path) -> Link:
    relative = _existing(path).relative_to(page_path(config).parent).as_posix()
    return Link(FORMAT_TITLES[path.suffix.removeprefix(".")], relative)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DataError(path, "is missing", "Run snakemake first")
    return path
