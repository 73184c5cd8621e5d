"""How often trainings invert the contrast, from random weights and from the identity.

    snakemake --cores all --configfile config/inversion.yaml
    snakemake --cores all --configfile config/inversion.yaml config/overrides/from_identity.yaml
    python -m studies.inversion results/inversion results/inversion_identity

For each benchmark, pair and trained method: inverted trainings of all with the exact 95 % interval of their share, and
the mean Dice and KID. A training is inverted if the contrast of most of its test subjects is.
"""

import argparse
from pathlib import Path

import pandas as pd

from benchmark.cli.errors import reported_errors
from benchmark.metrics.contrast import INVERTED
from benchmark.metrics.registry import quantities
from benchmark.results import scores
from benchmark.statistics.aggregate import Aggregate
from benchmark.statistics.verdicts import counted_trainings

ALSO = ("dice", "kid")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Count the trainings that inverted the contrast.")
    parser.add_argument("results", type=Path, nargs="+", help="folders with scores.csv")
    with reported_errors():
        table = pd.DataFrame([row for folder in parser.parse_args().results for row in rows(folder)])
    print(table.to_string(index=False, float_format="{:.3g}".format))


def rows(folder: Path) -> list[dict[str, object]]:
    """A row for each pair and method of one benchmark."""
    aggregate = Aggregate(scores.read(folder / "scores.csv"))
    found: list[dict[str, object]] = []
    for pair, own in aggregate.pairs.items():
        for method in sorted(set(own["method"])):
            count = counted_trainings(aggregate.trainings(pair, method, INVERTED))
            if not count.total:
                continue
            ends = count.interval
            means = {name: aggregate.average(pair, method, quantities()[name]).mean for name in ALSO}
            found.append(
                {
                    "benchmark": folder.name,
                    "pair": f"{pair[0]} {pair[1]}-{pair[2]}",
                    "method": method,
                    "inverted": f"{count.found} of {count.total}",
                    "share": f"{count.share:.2f} [{ends.low:.2f}, {ends.high:.2f}]",
                    **means,
                }
            )
    return found


if __name__ == "__main__":
    main()
