"""Whether bf16 changes conclusions: scores of both precisions beside their spread over seeds.

    python -m studies.precision [--dataset retouch_phantom] [--seeds 5] [--cores 2]

Runs the demo's trainings of one phantom, with all kernels that the processor has, once in float32 and once in bf16, for
each seed, and prints means over seeds, their standard deviations and the mean of the paired differences. Configs,
results and the table are in ``results/precision``.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from benchmark.metrics.contrast import CORRELATION
from benchmark.metrics.kid import KID
from benchmark.metrics.overlap import DICE
from benchmark.metrics.truth import PSNR, SSIM
from benchmark.runtime import paths

FOLDER = Path("results/precision")
METHODS = ("identity", "cyclegan", "s_cyclegan", "segrenorm")
METRICS = [quantity.name for quantity in (DICE, KID, CORRELATION, SSIM, PSNR)]
PRECISIONS = {"float32": "32-true", "bf16": "bf16-mixed"}


def config(name: str, dataset: str, seeds: int) -> Path:
    """The demo's config, for one dataset, several seeds and one precision."""
    settings = yaml.safe_load(Path("config/demo.yaml").read_text(encoding="utf-8"))
    settings |= {
        "benchmark": f"precision_{name}",
        "title": f"The demo in {name}",
        "note": "",
        "datasets": {dataset: settings["datasets"][dataset]},
        "methods": {method: settings["methods"][method] for method in METHODS},
        "seeds": list(range(seeds)),
        "kernels": "native",
    }
    settings["training"]["precision"] = PRECISIONS[name]
    path = FOLDER / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return path


def means(name: str) -> pd.DataFrame:
    """Mean of each metric over subjects and labels, one row a method and seed."""
    scores = pd.read_csv(paths.scores(f"precision_{name}"))
    wanted = scores[scores["metric"].isin(METRICS) & scores["method"].isin(METHODS)]
    return wanted.pivot_table("value", ["method", "seed"], "metric")


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description="Compare the scores of both precisions over seeds.")
    parser.add_argument("--dataset", default="retouch_phantom")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PRECISIONS:
        path = config(name, given.dataset, given.seeds)
        snakemake = [sys.executable, "-m", "snakemake", "--cores", str(given.cores), "--configfile", str(path)]
        subprocess.run(snakemake, check=True)
    both = {name: means(name) for name in PRECISIONS}
    float32, bf16 = (both[name].groupby("method") for name in PRECISIONS)
    rows = pd.concat(
        {
            "float32": float32.mean(),
            "sd": float32.std(),
            "bf16": bf16.mean(),
            "sd of bf16": bf16.std(),
            "difference": (both["bf16"] - both["float32"]).groupby("method").mean(),
        },
        axis=1,
    )
    table = rows.stack(future_stack=True)
    table.to_csv(FOLDER / "precision.csv", float_format="%.6g")
    print(table.to_string(float_format=lambda number: f"{number:.4g}"))


if __name__ == "__main__":
    main()
