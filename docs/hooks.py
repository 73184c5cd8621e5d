"""Pages that the build makes from the code, so that they cannot go stale: the command line and the metrics.

Where the demo was run, its leaderboard becomes part of the site.
"""

import inspect
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from benchmark.cli.app import app
from benchmark.metrics import registry
from benchmark.metrics.base import Quantity

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

DEMO = Path("reports/demo")


def on_config(config: "MkDocsConfig") -> None:
    """Adds the leaderboard to the navigation."""
    if (DEMO / "index.html").is_file():
        assert config.nav is not None
        config.nav.insert(1, {"Leaderboard of the demo": "leaderboard/index.html"})


def on_files(files: "Files", config: "MkDocsConfig") -> None:
    """Adds the pages that are made from the code, and the leaderboard."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "cli.md", content=command_line()))
    files.append(File.generated(config, "metrics.md", content=metrics()))
    for path in sorted(DEMO.rglob("*")) if (DEMO / "index.html").is_file() else ():
        if path.is_file():
            files.append(File.generated(config, f"leaderboard/{path.relative_to(DEMO)}", abs_src_path=str(path)))


def command_line() -> str:
    """Every command of ``hbench`` that ``--help`` shows, as Markdown."""
    command = typer.main.get_command(app)
    root = typer.Context(command, info_name="hbench")
    introduction = (
        f"# Command line\n\n{command.help}\n\n`python -m benchmark` is the same command. Every command has `--help`. "
        "[Exit codes](files.md#exit-codes) are the same everywhere."
    )
    return "\n\n".join([introduction, *_commands(root)]) + "\n"


def _commands(parent: typer.Context) -> Iterator[str]:
    group: Any = parent.command
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command.hidden:
            continue
        context = type(parent)(command, info_name=name, parent=parent)
        if hasattr(command, "list_commands"):
            yield f"## hbench {name}\n\n{command.help}"
            yield from _commands(context)
        else:
            yield "\n\n".join(_command(command, context))


def _command(command: Any, context: typer.Context) -> Iterator[str]:
    depth = context.command_path.count(" ") + 1
    yield f"{'#' * depth} {context.command_path}"
    yield _escaped(inspect.cleandoc(command.help))
    yield f"```console\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    records = [p.get_help_record(context) for p in command.get_params(context) if p.name != "help"]
    if rows := [f"| `{name.strip()}` | {_escaped(text)} |" for name, text in filter(None, records)]:
        yield "\n".join(["| argument or option | what it is |", "|---|---|", *rows])


def metrics() -> str:
    """Every metric with its quantities, as Markdown."""
    introduction = (
        "# Metrics\n\nEach metric is a file in `benchmark/metrics/`; this page is made from what the files declare. "
        "The arrow says which direction or value is better; a quantity without one only describes. Quantities in "
        "**bold** stand in the leaderboard, all others in the tables. Options are listed in [configs](config.md). "
        "Where a metric does not apply, or something that it needs is missing, its rows are `skipped` with the reason."
    )
    return "\n\n".join([introduction, *(part for name in registry.available() for part in _metric(name))]) + "\n"


def _metric(name: str) -> Iterator[str]:
    metric = registry.metric_class(name)
    yield f"## {name}"
    yield _plain(inspect.getdoc(metric) or "")
    if metric.needs:
        yield f"Needs {', '.join(sorted(need.value for need in metric.needs))}."
    head = ["| name | what it is | better | unit | bounds | reference |", "|---|---|---|---|---|---|"]
    yield "\n".join([*head, *map(_quantity, metric.quantities)])


def _quantity(quantity: Quantity) -> str:
    title = f"**{quantity.title}**" if quantity.headline else quantity.title
    low, high = (f"{bound:g}".replace("-", "−") for bound in quantity.bounds)
    bounds = "" if math.isinf(quantity.bounds[0]) and math.isinf(quantity.bounds[1]) else f"{low} to {high}"
    cells = (f"`{quantity.name}`", title, quantity.arrow, quantity.unit, bounds.replace("inf", "∞"))
    return f"| {' | '.join(cells)} | {quantity.reference} |"


def _plain(docstring: str) -> str:
    """A docstring as Markdown."""
    return docstring.replace("``", "`")


def _escaped(text: str) -> str:
    """Text as Markdown: ``<dataset>`` is no tag."""
    return text.replace("<", "&lt;").replace("|", "&#124;")
