"""What training costs, beside a plain loop of the same networks and objective, and how it grows.

    python -m studies.training_speed [--only paper demo cell growth] [--rounds 5] [--folder results/training_speed]

The plain loop (``studies/plain.py``) is eager and in float32. Each training is a process of its own; they take turns
step by step, so that what else the machine does falls on both, and ratios are medians of pairs. Kernels are those of
the configs: portable at demo size, all that the processor has at paper size. Slices are made up. A table of every part
is printed and left in the folder.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from studies.trainer import PLAIN, Cost, Remote, Setup, write_store

METHODS = ("cyclegan", "s_cyclegan", "semgan", "segrenorm")
SIZES: dict[str, dict[str, Any]] = {
    "demo": {"side": 64, "batch": 2, "width": 8, "portable": True},
    "paper": {"side": 128, "batch": 4, "width": 64},
}
SLICES = 200
"""Of each scanner, in the store that steps are timed with."""
CELL_STEPS = 160
"""Of a cell of config/demo.yaml."""
GROWN: dict[str, tuple[int, ...]] = {
    "slices": (1_000, 10_000, 100_000),
    "side": (32, 64, 128, 256),
    "width": (8, 16, 32, 64),
    "threads": (1, 2),
}
GROWTH_STEPS = 5


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Measure what training costs.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--folder", type=Path, default=Path("results/training_speed"))
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for part in given.only:
        table = pd.DataFrame(PARTS[part](given))
        table.to_csv(given.folder / f"{part}.csv", index=False, float_format="%.6g")
        print(f"{part}\n{table.to_string(index=False, float_format=lambda number: f'{number:.4g}')}\n", flush=True)


def _store(folder: Path, side: int, slices: int) -> Path:
    path = folder / f"slices-{side}-{slices}.h5"
    if not path.exists():
        write_store(path, side, slices)
    return path


def _steps(size: str) -> Callable[[argparse.Namespace], Iterator[dict[str, Any]]]:
    def measured(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
        how = SIZES[size]
        store = _store(given.folder, 2 * how["side"], SLICES)
        for method in given.methods:
            setups = [Setup(method, way, store=store, **how) for way in (PLAIN, "32-true", "auto")]
            with Remote(setups[0]) as plain, Remote(setups[1]) as single, Remote(setups[2]) as own:
                yield {"method": method, **_compared(plain, single, own, given.rounds, how["batch"])}

    return measured


def _compared(plain: Remote, single: Remote, own: Remote, rounds: int, batch: int) -> dict[str, Any]:
    """A row of the table: the benchmark's training in its precision and in float32, beside the plain loop."""
    trainers = {"plain": plain, "float32": single, "own": own}
    for trainer in trainers.values():
        trainer("step_once")
    costs: dict[str, list[Cost]] = {name: [] for name in trainers}
    peaks = []
    for _ in range(rounds):
        for name, trainer in trainers.items():
            costs[name].append(trainer("step_once"))
        peaks.append(own("peaks"))
    table = {name: pd.DataFrame([{**vars(c), "forward": c.forward} for c in each]) for name, each in costs.items()}
    middle = {name: each.median() for name, each in table.items()}
    flops = plain("flops")
    product, convolution = (max(column) for column in zip(*peaks, strict=True))
    return {
        "precision": own("precision"),
        "plain s": middle["plain"]["wall"],
        "own s": middle["own"]["wall"],
        "ratio": (table["plain"]["wall"] / table["own"]["wall"]).median(),
        "ratio processor": (table["plain"]["processor"] / table["own"]["processor"]).median(),
        "ratio float32": (table["plain"]["wall"] / table["float32"]["wall"]).median(),
        "crops/s": 2 * batch / middle["own"]["wall"],
        **{f"{part} %": 100 * middle["own"][part] / middle["own"]["wall"] for part in _PARTS},
        "GFLOP": flops / 1e9,
        "GFLOP/s": flops / 1e9 / middle["own"]["processor"],
        "product peak": product / 1e9,
        "convolution peak": convolution / 1e9,
        "plain MiB": plain("peak_mib"),
        "own MiB": own("peak_mib"),
    }


_PARTS = ("data", "forward", "backward", "optimizer")


def _cells(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Whole trainings of a demo cell, from the start of Python to the last step."""
    store = _store(given.folder, 2 * SIZES["demo"]["side"], SLICES)
    for method in given.methods:
        pairs = [
            {way: _whole(Setup(method, way, store=store, **SIZES["demo"])) for way in (PLAIN, "auto")}
            for _ in range(given.rounds)
        ]
        table = pd.DataFrame(pairs)
        yield {
            "method": method,
            "plain s": table[PLAIN].median(),
            "own s": table["auto"].median(),
            "ratio": (table[PLAIN] / table["auto"]).median(),
        }


def _whole(setup: Setup) -> float:
    begun = time.perf_counter()
    with Remote(setup) as trainer:
        for _ in range(CELL_STEPS):
            trainer("step_once")
    return time.perf_counter() - begun


def _growth(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The proposed method from a demo-sized step on, one thing grown at a time."""
    for what, sizes in GROWN.items():
        for size in sizes:
            how = {**SIZES["demo"], **({"batch": 4, "width": 16} if what == "threads" else {})}
            slices = size if what == "slices" else SLICES
            how |= {} if what == "slices" else {what: size}
            store = _store(given.folder, 2 * how["side"] if what != "slices" else 64, slices)
            with Remote(Setup("segrenorm", "auto", store=store, **how)) as trainer:
                trainer("step_once")
                costs = pd.DataFrame([vars(trainer("step_once")) for _ in range(GROWTH_STEPS)]).median()
                batches = -(-slices // how["batch"])
                row = {"grown": what, "size": size, "step s": costs["wall"], "data s": costs["data"]}
                if what == "slices":
                    row["epoch s"] = trainer("epoch_of_batches") + batches * (costs["wall"] - costs["data"])
                yield {**row, "resident MiB": trainer("resident_mib"), "peak MiB": trainer("peak_mib")}


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[dict[str, Any]]]] = {
    "paper": _steps("paper"),
    "demo": _steps("demo"),
    "cell": _cells,
    "growth": _growth,
}

if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
