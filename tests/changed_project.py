"""The code of this project with another text of one file."""

from pathlib import Path

from benchmark.runtime.code_digest import ROOT, Module, Project

PROJECT = Project(ROOT)


class Changed(Project):
    """What did not change is read once, for all changes."""

    def __init__(self, file: Path, text: str) -> None:
        super().__init__(ROOT)
        self._changed, self._text = file, text

    def _read(self, module: str) -> Module:
        if self._find(module) == self._changed:
            return Module(module, self._text.encode(), self._changed.stem == "__init__")
        return PROJECT.module(module)
