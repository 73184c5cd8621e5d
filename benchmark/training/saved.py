"""Saved networks: a folder with a safetensors file for each network and a JSON file that describes them. No pickles."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import nn

from benchmark.runtime.atomic import atomic_folder
from benchmark.runtime.errors import ModelError
from benchmark.training.description import DESCRIPTION, read_description, write_description

SUMS = "sha256"
"""Entry of the description: the hash of each network's file."""


def save_networks(folder: Path, networks: Mapping[str, nn.Module], description: Mapping[str, Any]) -> None:
    """Writes the folder under a temporary name and renames it, so that it is complete or absent."""
    with atomic_folder(folder) as temporary:
        sums = {}
        for name, network in networks.items():
            state = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
            # Not save_file, whose error on a full disk is no OSError.
            content = save(state)
            sums[name] = hashlib.sha256(content).hexdigest()
            (temporary / f"{name}.safetensors").write_bytes(content)
        write_description(temporary, {**description, SUMS: sums})


def load_networks(folder: Path, networks: Mapping[str, nn.Module]) -> None:
    """Loads weights into networks of the same shapes.

    Raises:
        ModelError: a file is missing, damaged, of another architecture, or holds weights that are not finite.
    """
    sums = read_description(folder).get(SUMS, {})
    for name, network in networks.items():
        path = folder / f"{name}.safetensors"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise ModelError(path, "is missing", "Train the model again") from None
        if hashlib.sha256(content).hexdigest() != sums.get(name):
            raise ModelError(path, f"is damaged (its SHA-256 is not that of {DESCRIPTION})", "Train the model again")
        try:
            network.load_state_dict(load(content))
        except RuntimeError as error:
            fault = f"does not fit the network ({' '.join(str(error).split())[:300]})"
            raise ModelError(path, fault, "Use the config it was trained with") from None
        if not all(bool(torch.isfinite(v).all()) for v in network.state_dict().values()):
            raise ModelError(path, "holds weights that are not finite", "Train the model again")
