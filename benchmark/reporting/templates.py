"""The Jinja environment of ``reports/templates``."""

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmark.runtime.paths import ROOT

FOLDER = ROOT / "reports" / "templates"


@cache
def environment() -> Environment:
    """Escapes all values; an undefined name is an error."""
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
