"""Parts of small dataset configs."""

from typing import Any

from archives import verified

from benchmark.archives.inventory import split_subjects, take_inventory
from benchmark.config.load import load_dataset

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


def inventoried(dataset: str) -> None:
    """The archive is verified, its inventory is taken, and the subjects of every pair are split."""
    verified(dataset)
    take_inventory(dataset)
    for pair in load_dataset(dataset).pairs:
        split_subjects(dataset, pair)
