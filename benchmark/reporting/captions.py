"""Captions: one text for the page, the tables and ``snakemake --report``, in ``workflow/report/<kind>.rst``."""

from functools import cache

from benchmark.runtime.paths import ROOT

FOLDER = ROOT / "workflow" / "report"


@cache
def paragraphs(kind: str) -> tuple[str, ...]:
    """Paragraphs of a caption: what is shown, then how to read it. Captions are plain text without markup."""
    text = (FOLDER / f"{kind}.rst").read_text(encoding="utf-8")
    return tuple(" ".join(block.split()) for block in text.split("\n\n") if block.strip())
