"""The provenance of a benchmark's numbers, and the cells without any."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.cells import cells_of
from benchmark.reporting.results import Results
from benchmark.results import scores
from benchmark.results.provenance import read_provenance
from benchmark.runtime.paths import Cell

CELL = ["dataset", "source", "target", "fold", "method", "seed"]


@dataclass(frozen=True)
class MissingCell:
    """A cell without any number."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True)
class Coverage:
    """How many of the config's cells have numbers."""

    done: int
    expected: int
    missing: tuple[MissingCell, ...]


def cells(results: Results) -> list[Cell]:
    """Every cell of the config, in the order of the reports."""
    config = results.config
    return [
        cell
        for pair in results.pairs
        for fold in pair.folds
        for cell in cells_of(config, pair.dataset.name, pair.name, fold)
    ]


def coverage(results: Results) -> Coverage:
    """The number of cells with numbers, and the others with their reasons."""
    table = results.table[~results.table["method"].isin(scores.REFERENCES)]
    groups = {tuple(map(str, key)): rows for key, rows in table.groupby(CELL)}
    expected = cells(results)
    missing = []
    for cell in expected:
        key = tuple(str(getattr(cell, part)) for part in CELL)
        rows = groups.get(key)
        if rows is None:
            missing.append(MissingCell(_name(cell), "missing", "no score was written"))
        elif not rows["status"].eq("ok").any():
            reasons = "; ".join(dict.fromkeys(rows["reason"]))
            missing.append(MissingCell(_name(cell), ", ".join(dict.fromkeys(rows["status"])), reasons))
    return Coverage(len(expected) - len(missing), len(expected), tuple(missing))


def _name(cell: Cell) -> str:
    return f"{cell.dataset}, {cell.source} → {cell.target}, fold {cell.fold}, {cell.method}, seed {cell.seed}"


def provenance(config: BenchmarkConfig, results: Results) -> dict[str, list[str]]:
    """The records of all cells by topic, each distinct value once.

    Raises:
        DataError: a record is damaged.
    """
    records = [
        read_provenance(path) for cell in cells(results) for path in (cell.run, cell.harmonize_run) if path.is_file()
    ]
    if not records:
        return {"Records": ["no cell has a record of its provenance"]}
    return {
        "Records": [f"{len(records)} of trainings and harmonizations"],
        "Code": _distinct(_code(r["code"]) for r in records),
        "Config, SHA-256": _distinct(f"{r['cell']['dataset']}: {r['config_sha256']}" for r in records),
        "Data, SHA-256": _distinct(_data(r) for r in records),
        "Hardware": _distinct(_hardware(r["hardware"]) for r in records),
        "Threads": _distinct(_pairs(r["threads"]) for r in records),
        "Kernels": _distinct(_pairs(r["kernels"]) for r in records),
        "Versions": _distinct(_pairs(r["versions"]) for r in records),
        "Seeds": [", ".join(map(str, config.seeds))],
        "From, to (UTC)": [f"{min(r['started'] for r in records)} to {max(r['ended'] for r in records)}"],
        "Time": [f"{sum(r['wall_seconds'] for r in records):.0f} s in trainings and harmonizations together"],
        "Peak memory": [f"{max(r['peak_memory_mib'] for r in records):.0f} MiB in one process"],
    }


def _code(code: Mapping[str, Any]) -> str:
    state = {True: ", with uncommitted changes", False: ", clean", None: ""}[code["dirty"]]
    return f"harmonize-bench {code['version']}, commit {code['commit'] or 'unknown'}{state}"


def _data(record: Mapping[str, Any]) -> str:
    cell = record["cell"]
    hashes = ", ".join(f"{name.removesuffix('_sha256')} {value}" for name, value in record["data"].items())
    return f"{cell['dataset']}, {cell['source']} → {cell['target']}: {hashes}"


def _hardware(hardware: Mapping[str, Any]) -> str:
    gpu = hardware["gpu"] or "no GPU"
    return f"{hardware['cpu']}, {hardware['cores']} cores, {hardware['memory_gib']} GiB, {gpu}; {hardware['platform']}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {'not set' if value is None else value}" for name, value in values.items())


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
