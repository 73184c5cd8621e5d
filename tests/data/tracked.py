"""A small archive under DVC, and what the fetch says of it."""

import os
import subprocess
import sys
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
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    subprocess.run([sys.executable, "-m", "dvc", *arguments], env=environment, check=True, capture_output=True)


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
