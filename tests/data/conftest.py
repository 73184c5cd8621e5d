"""A project folder of its own for each test, with dataset configs and archives in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark import layout

BASE: dict[str, Any] = {
    "ixi": {"modality": "T1w MRI", "labels": {"CSF": 1, "GM": 2, "WM": 3}, "domains": ["GE", "PL"], "pairs": ["GE-PL"]},
    "msseg": {
        "modality": "FLAIR MRI",
        "labels": {"lesion": 1},
        "domains": ["SA", "PI", "SV"],
        "pairs": ["SA-SV", "SA-PI", "SV-PI"],
        "split": {"protocol": "leave_one_out", "folds": 2},
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
MRI = {
    "kind": "mri",
    "brain_extraction": "foreground",
    "mask_closing": 10,
    "n4": False,
    "tissue": "hmrf",
    "grid_spacing": 5,
    "grid_size": [48, 32],
    "slice_range": [-20, 40],
}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty project, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    layout.DATASET_CONFIG.mkdir(parents=True)
    return tmp_path


@pytest.fixture
def dataset(project) -> Callable[..., Path]:
    """Writes the config of a dataset for a reader, with changes; returns where its archive belongs."""

    def write(name: str, reader: str, **changes: Any) -> Path:
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
        (layout.DATASET_CONFIG / f"{name}.yaml").write_text(yaml.safe_dump(content))
        return layout.raw(name)

    return write
