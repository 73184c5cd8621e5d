"""The three tiny datasets, generated once for all tests of this folder."""

from pathlib import Path

import pytest
from generated import KINDS, command, run
from made_once import made_once


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """Folder with ``ixi``, ``msseg`` and ``retouch``; written by two processes at a time."""

    def generate(folder: Path) -> None:
        for kind in KINDS:
            run(command(kind, folder / kind, 2))

    return made_once(tmp_path_factory, "phantoms", generate)
