"""Publishes a run as the reference of its benchmark, and compares later runs with it.

With the kernels of the reference, every number must agree to the last digit. With others, its conclusions must hold.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.cells import cells_of, judged
from benchmark.config.load import check, read_yaml
from benchmark.metrics.registry import quantities
from benchmark.results import scores
from benchmark.results.provenance import read_provenance
from benchmark.runtime import paths
from benchmark.runtime.atomic import atomic_file, write_atomically
from benchmark.runtime.checksums import read_verified, write_checksum
from benchmark.runtime.errors import DataError
from benchmark.runtime.processor import PORTABLE_KERNELS
from benchmark.statistics.aggregate import Aggregate
from benchmark.statistics.conclusions import conclusions

SCORES = "scores.csv.gz"
KERNELS = "kernels.json"
PUBLISHED = "Restore it with git, or publish the scores again (hbench leaderboard publish)"
Kind = Literal["digits", "conclusions"]
Kernels = list[dict[str, str]]
"""Distinct environments of a run's trainings and harmonizations: what decides the last digits of its numbers."""


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Attributes:
        compared: how many rows of scores were compared.
        same: how many of them agree to the last digit.
        faults: rows that moved, appeared, vanished or have another status, or conclusions that do not hold.
        conclusions: all that were looked at; None where digits are compared.
        changed_status: rows that have a number in one table only, which is no fault where conclusions are compared.
    """

    compared: int
    same: int
    faults: pd.DataFrame
    conclusions: pd.DataFrame | None = None
    changed_status: int = 0


def publish(benchmark: str) -> Path:
    """Makes the scores and the leaderboard of a run the reference, and returns their folder.

    Raises:
        ConfigError: there is no run of this name.
        DataError: one of the files is missing or was changed, or no cell has a record.
    """
    folder, leaderboard = paths.REFERENCE / benchmark, paths.leaderboard(benchmark)
    table, board = read_verified(paths.scores(benchmark)).read(), read_verified(leaderboard).read()
    kernels = kernels_of(_config(benchmark))
    for name, content in ((SCORES, gzip.compress(table, mtime=0)), (leaderboard.name, board)):
        with atomic_file(folder / name) as file:
            file.write_bytes(content)
        write_checksum(folder / name)
    write_atomically(folder / KERNELS, json.dumps(kernels, indent=1) + "\n")
    return folder


def kernels_of(config: BenchmarkConfig) -> Kernels:
    """What a run was computed with, by the records of its trainings and harmonizations.

    Raises:
        DataError: there is no record, or one is damaged.
    """
    found = {json.dumps(_environment(read_provenance(path))) for path in _records(config) if path.is_file()}
    if not found:
        remedy = f"Run it first: snakemake --configfile config/{config.benchmark}.yaml"
        raise DataError(paths.benchmark_root(config.benchmark), "has no record of a training or harmonization", remedy)
    return [json.loads(each) for each in sorted(found)]


def _records(config: BenchmarkConfig) -> Iterator[Path]:
    for dataset, pair, fold in judged(config):
        for cell in cells_of(config, dataset, pair, fold):
            yield from (cell.run, cell.harmonize_run)
        judges = [paths.segmentor(config.benchmark, dataset, domain, fold) for domain in pair.split("-")]
        for judge in (*judges, paths.autoencoder(config.benchmark, dataset, pair, fold)):
            yield judge / "run.json"


def _environment(record: dict[str, Any]) -> dict[str, str]:
    """What decides the last digits: libraries, kernels and threads, and the processor unless kernels are portable."""
    versions = {name: version for name, version in record["versions"].items() if name != "python"}
    processor = {} if record["kernels"] == PORTABLE_KERNELS else {"processor": record["hardware"]["cpu"]}
    threads = {"OMP_NUM_THREADS": record["threads"]["OMP_NUM_THREADS"]}
    found = {**record["kernels"], **threads, **processor, "gpu": record["hardware"]["gpu"], **versions}
    return {name: "none" if value is None else str(value) for name, value in found.items()}


def differing(reference: Kernels, run: Kernels) -> str:
    """What the kernels of two runs differ in, as text; empty if in nothing."""
    if reference == run:
        return ""
    names = dict.fromkeys(name for each in (*reference, *run) for name in each)
    values = {name: [_values(name, kernels) for kernels in (reference, run)] for name in names}
    unlike = [f"{name} {now} instead of {then}" for name, (then, now) in values.items() if then != now]
    return ", ".join(unlike) or "the same environments in other combinations"


def _values(name: str, kernels: Kernels) -> str:
    return " and ".join(sorted({each.get(name, "any") for each in kernels}))


def compare(benchmark: str, kind: Kind | None = None) -> tuple[Kind, str, Comparison]:
    """Compares a run with the reference.

    Args:
        kind: of the comparison; by default chosen by the recorded kernels.

    Returns:
        The kind, what the kernels differ in, and the result.

    Raises:
        ConfigError: there is no run of this name.
        DataError: there is no reference, or a file is damaged.
    """
    folder = paths.REFERENCE / benchmark
    if not (folder / KERNELS).is_file():
        raise DataError(folder / KERNELS, "is missing, so nothing can be compared", PUBLISHED)
    of_the_machine = [name for name, q in quantities().items() if q.across_runs == "nothing"]
    old, now = (
        table[~table["metric"].isin(of_the_machine)]
        for table in (scores.read(folder / SCORES, PUBLISHED), scores.read(paths.scores(benchmark)))
    )
    config = _config(benchmark)
    difference = differing(json.loads((folder / KERNELS).read_text(encoding="utf-8")), kernels_of(config))
    kind = kind or ("conclusions" if difference else "digits")
    return kind, difference, _digits(old, now) if kind == "digits" else _conclusions(old, now, config)


def _config(benchmark: str) -> BenchmarkConfig:
    path = paths.resolved(benchmark)
    return check(BenchmarkConfig, read_yaml(path), path)


def _digits(old: pd.DataFrame, now: pd.DataFrame) -> Comparison:
    rows = _beside(old, now)
    faults = rows.assign(fault=rows["fault"].mask(rows["fault"].eq("") & ~rows["same"], "moved"))
    return Comparison(len(rows), int(rows["same"].sum()), _named(faults))


def _conclusions(old: pd.DataFrame, now: pd.DataFrame, config: BenchmarkConfig) -> Comparison:
    rows = _beside(old, now)
    # Whether there is a number depends on numbers: a segmentor may find a class or not, and a gap be large enough.
    follows = rows["_merge"].eq("both") & rows["status_reference"].ne("failed") & rows["status_now"].ne("failed")
    follows &= rows["fault"] != ""
    looked_at = [q for q in quantities().values() if q.headline and q.across_runs != "nothing"]
    found = conclusions(Aggregate(old), Aggregate(now), config, looked_at)
    columns = ["dataset", "source", "target", "metric", "method", "other", "reference", "now", "low", "high", "fault"]
    tables = [_named(rows[~follows]), found.loc[found["fault"] != "", columns]]
    faults = pd.concat([table for table in tables if len(table)] or tables[1:], ignore_index=True)
    return Comparison(len(rows), int(rows["same"].sum()), faults, found, int(follows.sum()))


def _beside(old: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Rows of both tables, with ``fault``, what is wrong with presence or status, and ``same``, whether numbers are."""
    rows = old.merge(now, on=list(scores.KEY), how="outer", suffixes=("_reference", "_now"), indicator=True)
    before, after = rows["status_reference"], rows["status_now"]
    fault = ("status " + before + " became " + after).where(before != after, "")
    fault = fault.mask(rows["_merge"] == "left_only", "vanished").mask(rows["_merge"] == "right_only", "is new")
    numbers = rows["value_reference"].eq(rows["value_now"]) | (
        rows["value_reference"].isna() & rows["value_now"].isna()
    )
    return rows.assign(fault=fault, same=numbers & fault.eq(""))


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with a fault."""
    columns = {"value_reference": "reference", "value_now": "now"}
    return rows.rename(columns=columns).loc[rows["fault"] != "", [*scores.KEY[1:], *columns.values(), "fault"]]
