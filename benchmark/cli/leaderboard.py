"""``hbench leaderboard``: the published reference, kept and compared."""

import shutil
from typing import Annotated

import typer

from benchmark import layout
from benchmark.errors import DataError

app = typer.Typer(help="The published reference leaderboard.", no_args_is_help=True)
Benchmark = Annotated[str, typer.Argument(help="name of the benchmark, such as demo")]


@app.command()
def check(benchmark: Benchmark) -> None:
    """Compare this run's scores with the published reference; exit code 1 when a number moved beyond tolerance."""
    from benchmark.tolerance import compare

    outcome = compare(layout.scores(benchmark), layout.REFERENCE / benchmark)
    if len(outcome.differences):
        print(outcome.differences.to_string(index=False))
        print(f"{len(outcome.differences)} of {outcome.compared} numbers are beyond tolerance")
        raise typer.Exit(1)
    print(f"all {outcome.compared} numbers agree with {layout.REFERENCE / benchmark} within tolerance")


@app.command()
def publish(benchmark: Benchmark) -> None:
    """Make this run's scores and leaderboard the reference."""
    folder = layout.REFERENCE / benchmark
    folder.mkdir(parents=True, exist_ok=True)
    for path in (layout.scores(benchmark), layout.leaderboard(benchmark)):
        if not path.is_file():
            raise DataError(path, "is missing", "Run snakemake first")
        shutil.copyfile(path, folder / path.name)
    print(f"{folder} now holds the scores and the leaderboard of this run")
