"""A project with made-up prepared volumes and measures, some of them odd."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from prepared_balls import MRI, write_subject

from benchmark.runtime import paths


@pytest.fixture
def prepared(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Writes a prepared dataset with these measures by subject; scanners are the first two letters of the ids."""
    monkeypatch.chdir(tmp_path)

    def write(measures: dict[str, dict[str, float]], kind: str = "mri", **changes) -> Path:
        paths.DATASET_CONFIG.mkdir(parents=True)
        oct_settings = {"kind": "oct", "grid_size": [48, 40], "b_scans": 12}
        content = {
            "title": "Balls <of> wool",
            "reader": "none",
            "modality": "T1w MRI",
            "labels": {"knot": 1},
            "domains": {"AA": {"title": "Scanner A"}, "BB": {"title": "Scanner B"}},
            "pairs": ["AA-BB"],
            "split": {"protocol": "holdout"},
            "preparation": MRI if kind == "mri" else oct_settings,
            "training": {"crop": [32, 32], "batch_size": 2},
            "class_weights": {"background": 0.5, "foreground": 0.5},
            **changes,
        }
        (paths.DATASET_CONFIG / "balls.yaml").write_text(yaml.safe_dump(content))
        for subject, values in measures.items():
            write_subject("balls", subject, subject[:2], kind, values)
        listed = {subject: {"domain": subject[:2]} for subject in measures}
        paths.inventory("balls").parent.mkdir(parents=True, exist_ok=True)
        paths.inventory("balls").write_text(json.dumps({"subjects": listed}))
        return paths.quality("balls")

    return write
