"""Saved networks: a folder with one safetensors file a network and a JSON file that says what they are.

Nothing is ever unpickled.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from benchmark.errors import ModelError
from benchmark.training.description import DESCRIPTION, read_description, write_description
from benchmark.whole import whole_folder

__all__ = ["DESCRIPTION", "load_networks", "read_description", "save_networks"]


def save_networks(folder: Path, networks: Mapping[str, nn.Module], description: Mapping[str, Any]) -> None:
    """Writes the folder under a temporary name and renames it, so that it is whole or absent."""
    with whole_folder(folder) as temporary:
        for name, network in networks.items():
            state = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
            # Not save_file, whose error on a full disk is no OSError.
            (temporary / f"{name}.safetensors").write_bytes(save(state))
        write_description(temporary, description)


def load_networks(folder: Path, networks: Mapping[str, nn.Module]) -> None:
    """Loads weights into networks of the same shapes.

    Raises:
        ModelError: a file is missing, damaged, of another architecture, or holds weights that are not finite.
    """
    for name, network in networks.items():
        path = folder / f"{name}.safetensors"
        try:
            with path.open("rb"):  # the errors of safetensors say neither which file nor why
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
        if not all(bool(torch.isfinite(v).all()) for v in network.state_dict().values()):
            raise ModelError(path, "holds weights that are not finite", "Train the model again")
