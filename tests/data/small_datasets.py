"""Parts of small dataset configs."""

from pathlib import Path
from typing import Any

import yaml
from archives import verified

from benchmark.archives.inventory import split_subjects, take_inventory
from benchmark.config.load import load_dataset
from benchmark.runtime import paths

MRI = {
    "kind": "mri",
    "brain_extraction": "foreground",
    "mask_closing": 10,
    "n4": False,
    "tissue": "hmrf",
    "register_to_mni": False,  # takes longer than all the rest
    "grid_spacing": 5,
    "grid_size": [48, 32],
    "slice_range": [-20, 40],
}
BASE: dict[str, Any] = {
    "ixi": {"modality": "T1w MRI", "labels": {"CSF": 1, "GM": 2, "WM": 3}, "domains": ["GE", "PL"], "pairs": ["GE-PL"]},
    "msseg": {
        "modality": "FLAIR MRI",
        "labels": {"lesion": 1},
        "domains": ["SA", "PI", "SV"],
        "pairs": ["SA-SV", "SA-PI", "SV-PI"],
        "split": {"protocol": "leave_one_out", "folds": 2},
        "preparation": {**MRI, "tissue": "none"},
    },
    "retouch": {
        "modality": "OCT",
        "labels": {"IRF": 1, "SRF": 2, "PED": 3},
        "domains": ["CR", "SP"],
        "pairs": ["CR-SP"],
        "preparation": {"kind": "oct", "grid_size": [16, 16], "b_scans": 3},
    },
    "oasis_ixi": {
        "modality": "T1w MRI",
        "labels": {"CSF": 1, "GM": 2, "WM": 3},
        "domains": ["OASIS", "IXIHH"],
        "pairs": ["OASIS-IXIHH"],
    },
}


def write_config(name: str, reader: str, **changes: Any) -> Path:
    """Writes the config of a dataset for a reader, with changes; returns where its archive belongs."""
    base = dict(BASE[reader])
    content = {
        "title": name,
        "reader": reader,
        "split": {"protocol": "holdout"},
        "preparation": MRI,
        "training": {"crop": [16, 16], "batch_size": 2},
        "class_weights": {"background": 0.5, "foreground": 0.5},
        **base,
        "domains": {code: {"title": code} for code in base["domains"]},
        **changes,
    }
    paths.DATASET_CONFIG.mkdir(parents=True, exist_ok=True)
    (paths.DATASET_CONFIG / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return paths.raw(name)


def inventoried(dataset: str) -> None:
    """The archive is verified, its inventory is taken, and the subjects of every pair are split."""
    verified(dataset)
    take_inventory(dataset)
    for pair in load_dataset(dataset).pairs:
        split_subjects(dataset, pair)
