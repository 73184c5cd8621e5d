"""What the documents say holds."""

import re
from pathlib import Path

from benchmark.config.describe import describe

ROOT = Path(__file__).parents[1]


def test_config_reference_is_made_from_the_models():
    assert (ROOT / "docs/config.md").read_text() == describe() + "\n", "run: hbench config > docs/config.md"


def test_links_in_documents_lead_somewhere():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_commands_of_the_readme_are_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)\b", (ROOT / "README.md").read_text()))
    assert {"demo", "test", "open"} <= named
    assert named <= targets
