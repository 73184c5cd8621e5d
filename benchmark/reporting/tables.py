"""Makes every table of a benchmark, and the rendered leaderboard."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.reporting.files import Item, leaderboard_path, table_items, table_path
from benchmark.reporting.formats import to_html, to_latex, to_markdown
from benchmark.reporting.leaderboard_table import leaderboard_table, read_board
from benchmark.reporting.model import Table
from benchmark.reporting.results import Results
from benchmark.reporting.tables_claims import claims
from benchmark.reporting.tables_data import scanners
from benchmark.reporting.tables_more import cost, everything_else, statistics
from benchmark.reporting.tables_scores import fidelity, sensitivity, utility
from benchmark.reporting.templates import environment
from benchmark.runtime.atomic import write_atomically, write_table

BUILDERS: dict[str, Callable[[Results, Item], Table]] = {
    "table_claims": claims,
    "table_scanners": scanners,
    "table_fidelity": fidelity,
    "table_utility": utility,
    "table_sensitivity": sensitivity,
    "table_statistics": statistics,
    "table_cost": cost,
    "table_all": everything_else,
}


def make_tables(config: BenchmarkConfig) -> None:
    """Writes each of ``table_files(config)``.

    Raises:
        DataError: scores or leaderboard are missing or damaged.
    """
    results = Results.load(config)
    for item in table_items(config):
        made = build(results, item)
        _write(made, partial(table_path, config, item), to_html(made))
    board = leaderboard_table(results, read_board(config))
    page = environment().get_template("leaderboard.html").render(config=config, board=to_html(board))
    _write(board, partial(leaderboard_path, config), page)


def build(results: Results, item: Item) -> Table:
    """One table."""
    return BUILDERS[item.kind](results, item)


def _write(made: Table, path: Callable[[str], Path], html: str) -> None:
    write_table(path("csv"), made.data)
    write_atomically(path("md"), to_markdown(made))
    write_atomically(path("tex"), to_latex(made))
    write_atomically(path("html"), html)
