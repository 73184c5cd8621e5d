"""Captions of the page, the tables and ``snakemake --report``, from ``workflow/report/<kind>.rst``."""

from functools import cache

from benchmark.runtime.paths import ROOT

FOLDER = ROOT / "workflow" / "report"


@cache
def paragraphs(kind: str) -> tuple[str, ...]:
    """The paragraphs of a caption, plain text: what is shown, then how to read it."""
    text = (FOLDER / f"{kind}.rst").read_text(encoding="utf-8")
    return tuple(" ".join(block.split()) for block in text.split("\n\n") if block.strip())
