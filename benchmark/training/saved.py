"""Saved networks: a folder with one safetensors file a network and a JSON file that says what they are.

Nothing is ever unpickled.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from benchmark.errors import ModelError

DESCRIPTION = "model.json"


def save_networks(folder: Path, networks: Mapping[str, nn.Module], description: Mapping[str, Any]) -> None:
    """Writes the folder under a temporary name and renames it, so that it is whole or absent."""
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        for name, network in networks.items():
            state = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
            save_file(state, temporary / f"{name}.safetensors")
        (temporary / DESCRIPTION).write_text(json.dumps(description, indent=2, sort_keys=True) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_description(folder: Path) -> dict[str, Any]:
    """The JSON beside the weights.

    Raises:
        ModelError: missing or damaged.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text())
    except FileNotFoundError:
        raise ModelError(folder, "holds no trained model", "Train it first: snakemake does") from None
    except ValueError as error:
        raise ModelError(folder / DESCRIPTION, f"is damaged ({error})", "Train the model again") from None
    if not isinstance(description, dict):
        raise ModelError(folder / DESCRIPTION, "is damaged (no mapping)", "Train the model again")
    return description


def load_networks(folder: Path, networks: Mapping[str, nn.Module]) -> None:
    """Loads weights into networks of the same shapes.

    Raises:
        ModelError: a file is missing, damaged, or of another architecture.
    """
    for name, network in networks.items():
        path = folder / f"{name}.safetensors"
        try:
            network.load_state_dict(load_file(path))
        except FileNotFoundError:
            raise ModelError(path, "is missing", "Train the model again") from None
        except SafetensorError as error:
            raise ModelError(path, f"is damaged ({error})", "Train the model again") from None
        except RuntimeError as error:
            raise ModelError(
                path,
                f"does not fit the network ({' '.join(str(error).split())[:300]})",
                "Use the config it was trained with",
            ) from None
