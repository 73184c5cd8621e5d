"""One page with everything about a benchmark; it works from the file system."""

from itertools import groupby

from markupsafe import Markup

from benchmark import __version__
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.reporting import captions
from benchmark.reporting.files import figure_items, page_path, table_items, table_path
from benchmark.reporting.formats import to_html
from benchmark.reporting.leaderboard_table import leaderboard_table, read_board
from benchmark.reporting.origin import coverage, provenance
from benchmark.reporting.results import Results
from benchmark.reporting.templates import environment
from benchmark.runtime.atomic import write_atomically


def make_page(config: BenchmarkConfig) -> None:
    """Writes ``index.html`` from the rendered tables and figures, the leaderboard and the provenance of every cell.

    Raises:
        DataError: scores or leaderboard are missing, or a record of a cell is damaged.
    """
    results = Results.load(config)
    tables, figures = table_items(config), figure_items(config)
    # Written and escaped by to_html.
    rendered = [Markup(table_path(config, item, "html").read_text(encoding="utf-8")) for item in tables]
    page = environment().get_template("index.html")
    write_atomically(
        page_path(config),
        page.render(
            config=config,
            version=__version__,
            datasets=[d.title for d in results.datasets],
            pairs=results.pairs,
            methods=results.methods,
            contents={number: list(items) for number, items in groupby([*tables, *figures], lambda item: item.number)},
            board=to_html(leaderboard_table(results, read_board(config))),
            tables=list(zip(tables, rendered, strict=True)),
            figures=[(item, captions.paragraphs(item.kind)) for item in figures],
            coverage=coverage(results),
            provenance=provenance(config, results),
        ),
    )
