"""A whole benchmark small enough for a test: configs, slices and splits of a made-up dataset."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmark.config.benchmark import BenchmarkConfig, MethodCard
from benchmark.config.load import load_dataset
from benchmark.data.slices import SubjectSlices, write_slices
from benchmark.data.splits import Fold, write_splits
from benchmark.methods import registry
from benchmark.runtime import paths

DATASET = "tiny"
PAIR = "AA-BB"
SHAPE = (4, 36, 28)
SPACING = (3.0, 1.0, 2.0)
FOLD = Fold(
    train_source=("a1", "a2"),
    train_target=("b1", "b2", "b3"),
    test_source=("a3", "a4", "a5"),
    test_target=("b4", "b5"),
)
TRAINING = (*FOLD.train_source, *FOLD.train_target)
TEST = (*FOLD.test_source, *FOLD.test_target)
SCHEDULE = {"unit": "steps", "constant": 4, "decay": 4}


def dataset_config(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Tiny",
        "reader": "none",
        "modality": "T1w MRI",
        "phantom": True,
        "labels": {"core": 1, "spot": 2},
        "lesions": ["spot"],
        "domains": {"AA": {"title": "Scanner A"}, "BB": {"title": "Scanner B"}},
        "pairs": [PAIR],
        "split": {"protocol": "holdout"},
        "preparation": {"kind": "oct", "grid_size": list(SHAPE[1:]), "b_scans": SHAPE[0]},
        "training": {"crop": [32, 16], "batch_size": 2},
        "class_weights": {"background": 0.2, "foreground": 0.8},
        **changes,
    }


def benchmark_config(**changes: Any) -> BenchmarkConfig:
    content: dict[str, Any] = {
        "benchmark": "small",
        "title": "Small",
        "datasets": {DATASET: {}},
        "methods": {"echo": {}},
        "proposed": "echo",
        "training": {"width": 4, "schedule": SCHEDULE},
        "judges": {
            "autoencoder": {"width": 4, "batch_size": 4, "schedule": SCHEDULE},
            "segmentor": {"width": 4, "batch_size": 2, "learning_rate": 0.01, "schedule": SCHEDULE},
        },
        "metrics": {"overlap": {}},
    }
    content |= changes
    return BenchmarkConfig.model_validate({"cards": {name: card(name) for name in content["methods"]}, **content})


def card(name: str, kind: str = "learned") -> MethodCard:
    """Of a method of the project, or of one that only a test has."""
    path = registry.FOLDER / f"{name}.py"
    return registry.card(name) if path.is_file() else MethodCard(name=name, title=name.capitalize(), kind=kind)


def make_subject(subject: str, seed: int) -> SubjectSlices:
    """A bright core with a brighter spot on dark ground; scanner B is darker and noisier."""
    random = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.uint8)
    row, column = random.integers(8, 12), random.integers(6, 9)
    labels[:, row : row + 16, column : column + 12] = 1
    labels[1:3, row + 4 : row + 9, column + 3 : column + 7] = 2
    levels = {"AA": (-1.0, 0.2, 0.9), "BB": (-1.0, -0.4, 0.3)}[subject[0].upper() * 2]
    image = np.array(levels, np.float32)[labels]
    image[labels > 0] += random.normal(0, 0.05, int((labels > 0).sum())).astype(np.float32)
    return SubjectSlices(
        subject, subject[0].upper() * 2, np.clip(image, -1, 1), labels, (labels > 0).astype(np.uint8), SPACING
    )


def lay_out(
    subjects: Sequence[str] = (*TRAINING, *TEST),
    folds: Sequence[Fold] = (FOLD,),
    dataset: Mapping[str, Any] | None = None,
) -> None:
    """Writes dataset config, slices and splits below the working directory."""
    paths.DATASET_CONFIG.mkdir(parents=True, exist_ok=True)
    (paths.DATASET_CONFIG / f"{DATASET}.yaml").write_text(
        yaml.safe_dump({**dataset_config(), **(dataset or {})}), encoding="utf-8"
    )
    write_slices(paths.slices(DATASET), [make_subject(s, i) for i, s in enumerate(subjects)])
    write_splits(paths.splits(DATASET, PAIR), load_dataset(DATASET), PAIR, folds)


def model_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "run.json"}
