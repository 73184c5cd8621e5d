"""``hbench leaderboard``: the published reference, kept and compared."""

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.config.base import NAME
from benchmark.runtime import paths

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(help="The published reference leaderboard.", no_args_is_help=True)


def _known(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise typer.BadParameter(
            "a benchmark's name consists of lower-case letters, digits and underscores, such as demo"
        )
    return name


Benchmark = Annotated[str, typer.Argument(help="name of the benchmark, such as demo", callback=_known)]


class Kind(StrEnum):
    """What a run is held to."""

    digits = "digits"
    conclusions = "conclusions"


@app.command()
def check(
    benchmark: Benchmark,
    kind: Annotated[
        Kind | None,
        typer.Option(help="what must agree; by default digits with the reference's kernels, else conclusions"),
    ] = None,
) -> None:
    """Compare this run with the published reference; exit code 1 if it does not agree."""
    from benchmark.pipeline.reference import compare

    chosen, other_kernels, outcome = compare(benchmark, kind.value if kind else None)
    print(f"Kernels: {other_kernels or 'those of the reference'}. Compared: {chosen}{', as asked' if kind else ''}.")
    print(f"{outcome.same} of {outcome.compared} numbers agree to the last digit.")
    if outcome.conclusions is not None:
        print(_described(outcome.conclusions, outcome.changed_status))
    if len(outcome.faults):
        print(outcome.faults.to_string(index=False, na_rep=""))
        raise typer.Exit(1)
    print(f"This run agrees with {paths.REFERENCE / benchmark}.")


def _described(conclusions: "pd.DataFrame", changed_status: int) -> str:
    """What was looked at, and how many of it do not hold."""
    titles = {
        "test": "significant differences between methods",
        "interval": "differences whose interval excludes 0, where subjects or seeds are too few for a test",
        "seeds": "means with an interval over seeds",
    }
    lines = []
    for basis, title in titles.items():
        own = conclusions[conclusions["basis"] == basis]
        lines.append(f"{len(own)} {title}: {(own['fault'] != '').sum()} do not hold.")
    if unchecked := (conclusions["basis"] == "none").sum():
        lines.append(
            f"{unchecked} means are not checked: with one seed, or seeds that all agree, they have no interval."
        )
    if changed_status:
        lines.append(f"{changed_status} rows have a number in one of the two only; that follows from numbers.")
    return "\n".join(lines)


@app.command()
def publish(benchmark: Benchmark) -> None:
    """Make this run's scores and leaderboard the reference."""
    from benchmark.pipeline import reference

    print(f"{reference.publish(benchmark)} now holds the scores and the leaderboard of this run")
