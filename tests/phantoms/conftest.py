"""The three tiny datasets, generated once for all tests of this folder."""

from pathlib import Path

import pytest
from generated import generate


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """Folder with ``ixi``, ``msseg`` and ``retouch``; written by two processes at a time."""
    folder = tmp_path_factory.mktemp("phantoms")
    generate(folder, 2, {})
    return folder
