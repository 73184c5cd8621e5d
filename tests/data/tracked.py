"""A small archive under DVC, and what the fetch says of it."""

from pathlib import Path

import pytest

from benchmark.archives.retrieval.fetch import fetch
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError

ARCHIVE = {
    "owner": "The Owner",
    "terms": "after a signed agreement",
    "url": "https://owner.example",
    "contents": "the folder IXI-T1",
}
FILES = {"IXI-T1/a.nii.gz": b"a" * 100, "IXI-T1/b.nii.gz": b"b" * 50, "notes.txt": b"n"}


def dvc(*arguments: str) -> None:
    """Runs a command of DVC, in this process: importing DVC takes longer than most commands."""
    from dvc.cli import main

    with pytest.MonkeyPatch.context() as patch:
        for name in ("DVC_NO_ANALYTICS", "CI"):  # neither reports nor looks for a new version
            patch.setenv(name, "1")
        assert main(list(arguments)) == 0


def put(root: Path) -> Path:
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def refusal(dataset: str) -> str:
    with pytest.raises(DataError) as caught:
        fetch(dataset)
    assert not paths.manifest(dataset).exists()
    return str(caught.value)
