"""The JSON file that describes a saved model.

Separate from ``saved.py``, so that methods without networks do not load PyTorch.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.runtime.atomic import atomic_folder
from benchmark.runtime.errors import ModelError

DESCRIPTION = "model.json"
FAILED = "failed"


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Writes the JSON into an existing folder."""
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_failure(folder: Path, reason: str) -> None:
    """A folder that states why there is no model in it."""
    with atomic_folder(folder) as temporary:
        write_description(temporary, {FAILED: reason})


def read_description(folder: Path) -> dict[str, Any]:
    """The JSON of a saved model.

    Raises:
        ModelError: missing, damaged, or of a training that failed.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(folder, "holds no trained model", "Train it first: snakemake does") from None
    except ValueError as error:
        raise ModelError(folder / DESCRIPTION, f"is damaged ({error})", "Train the model again") from None
    if not isinstance(description, dict):
        raise ModelError(folder / DESCRIPTION, "is damaged (no mapping)", "Train the model again")
    if FAILED in description:
        raise ModelError(folder, f"its training failed: {description[FAILED]}", "Train it with other hyperparameters")
    return description


def require(folder: Path, description: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Checks a saved model against what the caller expects.

    Raises:
        ModelError: an entry of ``expected`` is missing or differs.
    """
    for key, value in expected.items():
        if description.get(key) != value:
            fault = f"has {key} {description.get(key)!r} and not {value!r}"
            raise ModelError(folder, fault, "Load it with the config it was trained with, or train it again")
