"""All commands."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import data, leaderboard, runs, steps

app = typer.Typer(
    name="hbench",
    help="Benchmark of unpaired medical-image harmonization. The pipeline itself is run with snakemake.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(steps.app, name="step", hidden=True)
app.add_typer(data.app, name="data")
app.add_typer(leaderboard.app, name="leaderboard")
app.command()(runs.watch)
app.command()(runs.plan)


@app.command()
def config(
    schemas: Annotated[Path | None, typer.Option(help="write the JSON schemas of configs into this folder")] = None,
) -> None:
    """Print every key of every config, as Markdown."""
    if schemas:
        from benchmark.pipeline.schemas import write_schemas

        write_schemas(schemas)
    else:
        from benchmark.pipeline.describe import describe

        print(describe())
