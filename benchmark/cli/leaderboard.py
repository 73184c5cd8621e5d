"""``hbench leaderboard``: the published reference, kept and compared."""

import re
from typing import Annotated

import typer

from benchmark.config.base import NAME
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically

app = typer.Typer(help="The published reference leaderboard.", no_args_is_help=True)


def _known(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise typer.BadParameter(
            "a benchmark's name consists of lower-case letters, digits and underscores, such as demo"
        )
    return name


Benchmark = Annotated[str, typer.Argument(help="name of the benchmark, such as demo", callback=_known)]


@app.command()
def check(benchmark: Benchmark) -> None:
    """Compare this run's scores with the published reference; exit code 1 if a number is beyond tolerance."""
    from benchmark.pipeline.reference import FILE, compare

    outcome = compare(paths.scores(benchmark), paths.REFERENCE / benchmark)
    if len(outcome.otherwise):
        print(f"not compared, since these trainings had another outcome, as {FILE} allows:")
        print(outcome.otherwise.to_string(index=False))
    if len(outcome.differences):
        print(outcome.differences.to_string(index=False))
        print(f"{len(outcome.differences)} of {outcome.compared} numbers are beyond tolerance")
        raise typer.Exit(1)
    print(f"all {outcome.compared} numbers agree with {paths.REFERENCE / benchmark} within tolerance, ", end="")
    print(f"{outcome.same} of them to the last digit")


@app.command()
def publish(benchmark: Benchmark) -> None:
    """Make this run's scores and leaderboard the reference."""
    from benchmark.pipeline.reference import FILE
    from benchmark.runtime.checksums import checksum_file, read_verified

    folder = paths.REFERENCE / benchmark
    made = (paths.scores(benchmark), paths.leaderboard(benchmark))
    for path in made:
        read_verified(path)
    for path in made:
        for part in (path, checksum_file(path)):
            write_atomically(folder / part.name, part.read_text(encoding="utf-8"))
    print(f"{folder} now holds the scores and the leaderboard of this run")
    if not (folder / FILE).is_file():
        print(f"Next, write {folder / FILE}: how far each metric may move (see results/reference/demo/{FILE})")
