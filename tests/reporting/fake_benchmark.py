"""A small benchmark tree as the pipeline leaves it: configs, stores, splits, cells with artifacts, and scores.

Numbers are made up by a rule, so that tests know what tables must say.
"""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import load_dataset
from benchmark.data.slices import SliceStore, SubjectSlices, write_slices
from benchmark.data.splits import make_folds, write_splits
from benchmark.results import scores
from benchmark.results.artifacts import write_artifacts
from benchmark.results.harmonized import Harmonized, write_harmonized
from benchmark.results.scores import Score, missing
from benchmark.runtime import paths
from benchmark.runtime.checksums import write_with_checksum
from benchmark.runtime.paths import Cell

METHODS = {
    "identity": ("No harmonization", "control"),
    "histogram_matching": ("Histogram matching", "classical"),
    "cyclegan": ("CycleGAN", "learned"),
    "semgan": ("SemGAN", "learned"),
    "segrenorm": ("Segmentation-renormalized", "learned"),
}
QUALITY = {"identity": 0.4, "histogram_matching": 0.5, "cyclegan": 0.6, "semgan": 0.62, "segrenorm": 0.7}
FLOOR = 0.15
"""The made-up KID within the target."""
SPARSE = "sparse lesions cannot be dropped meaningfully"
DIVERGED = "loss is not finite at step 12"
SIGMAS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)

DATASETS: dict[str, dict] = {
    "msseg": {
        "title": "MS-SEG",
        "reader": "msseg",
        "modality": "FLAIR MRI",
        "family": "msseg",
        "labels": {"lesion": 1},
        "label_kind": "sparse",
        "lesions": ["lesion"],
        "domains": {
            "SA": {"title": "Siemens Aera", "field_strength": "1.5 T", "published_subjects": 5,
                   "published_shape": [128, 224, 256], "published_spacing": [1.2, 1, 1]},
            "SV": {"title": "Siemens Verio", "field_strength": "3 T", "published_subjects": 5},
            "PI": {"title": "Philips Ingenia", "field_strength": "3 T", "published_subjects": 5},
        },
        "pairs": ["SA-SV", "SA-PI"],
        "split": {"protocol": "leave_one_out", "folds": 3},
    },
    "retouch": {
        "title": "RETOUCH",
        "reader": "retouch",
        "modality": "OCT",
        "family": "retouch",
        "labels": {"IRF": 1, "SRF": 2, "PED": 3},
        "domains": {"CR": {"title": "Cirrus"}, "SP": {"title": "Spectralis"}},
        "pairs": ["CR-SP"],
        "split": {"protocol": "holdout"},
    },
    "ixi_phantom": {
        "title": "IXI phantom",
        "reader": "ixi",
        "modality": "T1w MRI",
        "family": "ixi",
        "phantom": True,
        "labels": {"CSF": 1, "GM": 2, "WM": 3},
        "domains": {
            "GE": {"title": "GE", "field_strength": "1.5 T"},
            "PL": {"title": "Philips", "field_strength": "3 T"},
        },
        "pairs": ["GE-PL"],
        "split": {"protocol": "holdout", "train_fraction": 0.4},
    },
}  # fmt: skip
COMMON = {
    "preparation": {
        "kind": "mri", "brain_extraction": "given", "n4": False, "tissue": "none",
        "grid_spacing": 2, "grid_size": [48, 40], "slice_range": [-10, 10],
    },
    "training": {"crop": [32, 32], "batch_size": 2},
    "class_weights": {"background": 0.5, "foreground": 0.5},
}  # fmt: skip


@dataclass
class Tree:
    """What to make.

    Attributes:
        failed: (method, source, target, fold) of cells that diverged.
    """

    name: str = "fake"
    datasets: tuple[str, ...] = tuple(DATASETS)
    shape: tuple[int, int, int] = (4, 48, 40)
    subjects: int = 3
    seeds: tuple[int, ...] = (0,)
    failed: frozenset[tuple[str, str, str, int]] = frozenset({("cyclegan", "SA", "PI", 0)})
    methods: dict[str, tuple[str, str]] = field(default_factory=lambda: dict(METHODS))


def config(tree: Tree) -> BenchmarkConfig:
    schedule = {"unit": "steps", "constant": 1, "decay": 1}
    return BenchmarkConfig.model_validate(
        {
            "benchmark": tree.name,
            "title": "A made-up benchmark",
            "datasets": {name: {} for name in tree.datasets},
            "methods": {name: {} for name in tree.methods},
            "cards": {
                name: {"name": name, "title": title, "reference": "none", "kind": kind}
                for name, (title, kind) in tree.methods.items()
            },
            "proposed": "segrenorm",
            "seeds": list(tree.seeds),
            "training": {"width": 4, "schedule": schedule},
            "judges": {"autoencoder": {"schedule": schedule}, "segmentor": {"schedule": schedule}},
            "metrics": {"kid": {}, "overlap": {}, "sensitivity": {}},
        }
    )


def dataset_yaml(name: str) -> str:
    return yaml.safe_dump({**COMMON, **DATASETS[name]}, sort_keys=False)


def write(root: Path, tree: Tree) -> BenchmarkConfig:
    """Writes the tree under ``root``, which must be the working directory."""
    for name in tree.datasets:
        path = root / paths.DATASET_CONFIG / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dataset_yaml(name))
    made = config(tree)
    frames = [frame for name in tree.datasets for frame in _dataset(tree, made, name)]
    scores.write(paths.scores(tree.name), pd.concat(frames, ignore_index=True))
    write_with_checksum(paths.leaderboard(tree.name), board(tree))
    return made


def board(tree: Tree) -> pd.DataFrame:
    """Like ``leaderboard.csv``; intervals are ± 0.03."""
    rows = []
    for name in tree.datasets:
        dataset = load_dataset(name)
        folds = dataset.split.folds
        for pair in dataset.pairs:
            source, target = pair.split("-")
            best = max(QUALITY[m] for m in tree.methods if tree.methods[m][1] != "control")
            for method, (title, kind) in tree.methods.items():
                skipped = method == "semgan" and dataset.label_kind == "sparse"
                row = {"benchmark": tree.name, "dataset": name, "source": source, "target": target, "method": method,
                       "title": title, "kind": kind, "cells": 0 if skipped else folds, "cells_expected": folds,
                       "subjects": 0 if skipped else 3, "subjects_expected": 3,
                       "reason": SPARSE if skipped else ""}  # fmt: skip
                value = QUALITY[method]
                if not skipped:
                    row |= {"dice": value, "dice_low": value - 0.03, "dice_high": value + 0.03,
                            "dice_tied": kind != "control" and value + 0.06 >= best, "dice_seed_std": math.nan,
                            "kid": 2 * (1 - value), "kid_seed_std": math.nan}  # fmt: skip
                rows.append(row)
    return pd.DataFrame(rows)


def anatomy(shape: tuple[int, int, int], classes: int, random: np.random.Generator) -> np.ndarray:
    """Labels: nested ellipses, largest in the middle slice; a notch in front tells up from down."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    wobble = 1 + 0.1 * random.standard_normal()
    radius = np.sqrt((y / wobble) ** 2 + (x * 1.2) ** 2 + (z * 0.4) ** 2)
    labels = np.zeros(shape, np.uint8)
    for value in range(1, classes + 1):
        labels[radius < 0.9 - 0.25 * (value - 1)] = value
    labels[(y < -0.5) & (np.abs(x) < 0.1)] = 0
    return labels


def _image(labels: np.ndarray, gain: float, random: np.random.Generator) -> np.ndarray:
    levels = np.array([-1.0, *(-0.5 + gain * i for i in range(labels.max()))])
    noise = 0.05 * random.standard_normal(labels.shape)
    return np.where(labels > 0, np.clip(levels[labels] + noise, -1, 1), -1).astype(np.float32)


def _dataset(tree: Tree, made: BenchmarkConfig, name: str) -> list[pd.DataFrame]:
    dataset = load_dataset(name)
    random = np.random.default_rng(len(name))
    subjects, by_domain = [], {}
    for gain, domain in enumerate(dataset.domains, 2):
        by_domain[domain] = [f"{domain}{i:02d}" for i in range(tree.subjects)]
        for subject in by_domain[domain]:
            labels = anatomy(tree.shape, dataset.classes - 1, random)
            image = _image(labels, 0.2 * gain, random)
            spacing = (3.0, 1.0, 1.0) if dataset.modality != "OCT" else (0.1, 0.004, 0.012)
            subjects.append(SubjectSlices(subject, domain, image, labels, (labels > 0).astype(np.uint8), spacing))
    write_slices(paths.slices(name), subjects)
    inventory = {s.subject: {"domain": s.domain, "shape": [64, 64, 32], "spacing": [1.0, 1.0, 1.2]} for s in subjects}
    paths.inventory(name).write_text(json.dumps({"subjects": inventory}))
    frames = []
    for pair in dataset.pairs:
        folds = make_folds(dataset, pair, by_domain)
        write_splits(paths.splits(name, pair), dataset, pair, folds)
        for fold, division in enumerate(folds):
            source, target = pair.split("-")
            frames.append(_reference_rows(tree, name, source, target, fold, division, dataset.labels))
            for method in tree.methods:
                for seed in tree.seeds:
                    cell = Cell(tree.name, name, source, target, fold, method, seed)
                    frames.append(_cell(tree, cell, dataset, division.test_source))
    return frames


def _reference_rows(tree, name, source, target, fold, division, labels) -> pd.DataFrame:
    rows = []
    for method, subjects, value in (
        ("source_on_source", division.test_source, 0.8),
        ("target_on_target", division.test_target, 0.82),
    ):
        cell = Cell(tree.name, name, source, target, fold, method, tree.seeds[0])
        numbers = [
            Score(m, v, subject=s, label=k)
            for s in subjects
            for k in labels
            for m, v in (("dice", value), ("iou", value - 0.1))
        ]
        if method == "target_on_target":
            numbers += [Score("kid", FLOOR), Score("kid_std", 0.02)]
        rows.append(scores.table(cell, numbers))
    return pd.concat(rows)


def _cell(tree: Tree, cell: Cell, dataset, subjects) -> pd.DataFrame:
    reason = ""
    if cell.method == "semgan" and dataset.label_kind == "sparse":
        status, reason = "skipped", SPARSE
    elif (cell.method, cell.source, cell.target, cell.fold) in tree.failed:
        status, reason = "failed", DIVERGED
    if reason:
        write_harmonized(cell.harmonized, Harmonized({}, status, reason))
        write_artifacts(cell.artifacts, {})
        metrics = ("kid", "kid_std", "kid_gap_closed", "fid", "dice", "iou", "gdice", "sensitivity_mse",
                   "sensitivity_ssim", "sensitivity_auc_mse", "sensitivity_auc_ssim", "train_seconds")  # fmt: skip
        return scores.table(cell, [missing(m, status, reason) for m in metrics])
    store = SliceStore(paths.slices(cell.dataset))
    write_harmonized(cell.harmonized, Harmonized({s: np.array(store.image(s)) * 0.9 for s in subjects}))
    _artifacts(tree, cell, store, subjects)
    _history(tree, cell)
    _run(tree, cell)
    return scores.table(cell, list(_numbers(tree, cell, dataset, subjects)))


def _artifacts(tree: Tree, cell: Cell, store: SliceStore, subjects) -> None:
    kept = {}
    for subject in subjects:
        shift = 3 if cell.method == "identity" else 1
        kept[f"predictions/{subject}"] = np.roll(store.labels(subject), shift, axis=2), {}
        if tree.methods[cell.method][1] == "learned":
            middle = tree.shape[0] // 2
            noise = np.random.default_rng(0).standard_normal(tree.shape[1:])
            shown = [np.clip(store.image(subject)[middle] + s * noise, -1, 1) for s in (0, 0.1, 0.2, 0.5)]
            attributes = {"sigmas": [0, 0.1, 0.2, 0.5], "slice": middle}
            kept[f"reconstructions/{subject}"] = np.stack(shown).astype(np.float32), attributes
    write_artifacts(cell.artifacts, kept)


def _history(tree: Tree, cell: Cell) -> None:
    if tree.methods[cell.method][1] != "learned":
        return
    steps = np.arange(1, 40)
    losses = ["adversarial", "cycle", "discriminator"] + ["segmentation_real"] * (cell.method != "cyclegan")
    columns = {
        f"{loss}_{d}": (1 + i) / np.sqrt(steps + j)
        for i, loss in enumerate(losses)
        for j, d in enumerate(("source", "target"))
    }
    pd.DataFrame({"step": steps, **columns}).to_csv(cell.history, index=False)


def _run(tree: Tree, cell: Cell) -> None:
    record = {
        "cell": asdict(cell),
        "status": "ok",
        "reason": "",
        "started": "2026-01-01T00:00:00+00:00",
        "ended": "2026-01-01T00:01:00+00:00",
        "wall_seconds": 60.0,
        "peak_memory_mib": 512.0,
        "config_sha256": "c0ffee",
        "data": {"slices_sha256": "abc", "splits_sha256": "def"},
        "code": {"version": "0.1.0", "commit": "0123456789abcdef", "dirty": True},
        "versions": {"python": "3.11", "numpy": "2.2"},
        "hardware": {"platform": "Linux", "cpu": "a processor", "cores": 2, "memory_gib": 8.0, "gpu": None},
        "threads": {"OMP_NUM_THREADS": "1", "torch": 1},
        "kernels": {"ATEN_CPU_CAPABILITY": "avx2"},
    }
    cell.run.write_text(json.dumps(record))


def dice_of(method: str, subject: str, label: str, seed: int = 0) -> float:
    """The made-up Dice of a subject."""
    return QUALITY[method] + 0.01 * int(subject[-2:]) + 0.02 * len(label) / 10 + 0.001 * seed


def kid_of(method: str, fold: int) -> float:
    return 2 * (1 - QUALITY[method]) + 0.01 * fold


def _numbers(tree: Tree, cell: Cell, dataset, subjects):
    yield Score("kid", kid_of(cell.method, cell.fold))
    yield Score("kid_before", kid_of("identity", cell.fold))
    yield Score("kid_std", 0.02)
    yield Score("kid_margin", 0.3)
    yield Score("kid_unfit", 0)
    yield Score("kid_subset_size", 50, "slices")
    yield Score("kid_gap_closed", 1 - kid_of(cell.method, cell.fold) / kid_of("identity", cell.fold))
    yield missing("fid", "skipped", "FID is strongly biased on few slices; the paper reports it for IXI only")
    yield Score("train_seconds", 10.0 * QUALITY[cell.method], "s")
    for subject in subjects:
        for label in dataset.labels:
            value = dice_of(cell.method, subject, label, cell.seed)
            yield Score("dice", value, subject=subject, label=label)
            yield Score("iou", value / (2 - value), subject=subject, label=label)
        yield Score("gdice", QUALITY[cell.method], subject=subject)
        if dataset.phantom:
            yield Score("mae", 1 - QUALITY[cell.method], subject=subject)
        if tree.methods[cell.method][1] != "learned":
            continue
        for sigma in SIGMAS:
            slope = 2 - QUALITY[cell.method] + 0.1 * int(subject[-2:])
            yield Score("sensitivity_mse", slope * sigma**2, subject=subject, label=f"{sigma:g}")
            yield Score("sensitivity_ssim", 1 - slope * sigma, subject=subject, label=f"{sigma:g}")
        yield Score("sensitivity_auc_mse", slope * 0.01, subject=subject)
        yield Score("sensitivity_auc_ssim", 0.2 - slope * 0.02, subject=subject)
    if tree.methods[cell.method][1] != "learned":
        reason = "the method does not translate from target to source"
        for metric in ("sensitivity_mse", "sensitivity_ssim", "sensitivity_auc_mse", "sensitivity_auc_ssim"):
            yield missing(metric, "skipped", reason)
