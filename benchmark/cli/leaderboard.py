"""``hbench leaderboard``: the published reference, kept and compared."""

import re
from typing import Annotated

import typer

from benchmark import layout
from benchmark.config.base import NAME
from benchmark.whole import write_whole

app = typer.Typer(help="The published reference leaderboard.", no_args_is_help=True)


def _known(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise typer.BadParameter("a benchmark's name has small letters, digits and underscores, such as demo")
    return name


Benchmark = Annotated[str, typer.Argument(help="name of the benchmark, such as demo", callback=_known)]


@app.command()
def check(benchmark: Benchmark) -> None:
    """Compare this run's scores with the published reference; exit code 1 when a number moved beyond tolerance."""
    from benchmark.tolerance import FILE, compare

    outcome = compare(layout.scores(benchmark), layout.REFERENCE / benchmark)
    if len(outcome.otherwise):
        print(f"ended otherwise than in the reference, as {FILE} allows so few trainings to, and not compared:")
        print(outcome.otherwise.to_string(index=False))
    if len(outcome.differences):
        print(outcome.differences.to_string(index=False))
        print(f"{len(outcome.differences)} of {outcome.compared} numbers are beyond tolerance")
        raise typer.Exit(1)
    print(f"all {outcome.compared} numbers agree with {layout.REFERENCE / benchmark} within tolerance, ", end="")
    print(f"{outcome.same} of them to the last digit")


@app.command()
def publish(benchmark: Benchmark) -> None:
    """Make this run's scores and leaderboard the reference."""
    from benchmark.sealed import read_sealed, seal
    from benchmark.tolerance import FILE

    folder = layout.REFERENCE / benchmark
    made = (layout.scores(benchmark), layout.leaderboard(benchmark))
    for path in made:
        read_sealed(path)
    for path in made:
        for part in (path, seal(path)):
            write_whole(folder / part.name, part.read_text(encoding="utf-8"))
    print(f"{folder} now holds the scores and the leaderboard of this run")
    if not (folder / FILE).is_file():
        print(f"{folder / FILE} is yours to write: how far each metric may move (see results/reference/demo/{FILE})")
