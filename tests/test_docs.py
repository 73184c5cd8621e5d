"""What the documents say holds."""

import ast
import importlib
import re
from pathlib import Path

from benchmark.pipeline.describe import describe

ROOT = Path(__file__).parents[1]


def test_config_reference_is_made_from_the_models():
    assert (ROOT / "docs/config.md").read_text() == describe() + "\n", "run: hbench config > docs/config.md"


def test_links_in_documents_lead_somewhere():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_files_that_documents_name_are_there():
    for page in [ROOT / "README.md", ROOT / "docs/extending.md"]:
        for named in re.findall(r"`((?:benchmark|methods|config|tests|workflow)/[\w./-]+\.\w+)`", page.read_text()):
            assert (ROOT / named).is_file(), f"{page.name}: {named}"


def test_python_of_documents_imports_what_there_is():
    pages = sorted((ROOT / "docs").glob("*.md"))
    examples = [e for page in pages for e in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)]
    assert examples
    for example in examples:
        imports = [node for node in ast.parse(example).body if isinstance(node, ast.ImportFrom)]
        assert imports
        for node in imports:
            module = importlib.import_module(str(node.module))
            assert [n.name for n in node.names if not hasattr(module, n.name)] == [], node.module


def test_lines_of_documents_are_no_longer_than_those_of_code():
    pages = {ROOT / "README.md", *(ROOT / "docs").glob("*.md")} - {ROOT / "docs/config.md"}
    for page in sorted(pages):
        long = [line for line in page.read_text().splitlines() if len(line) > 120]
        assert not long, f"{page.name}: {long[0]}"


def test_commands_of_the_readme_are_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)\b", (ROOT / "README.md").read_text()))
    assert {"demo", "test", "open"} <= named
    assert named <= targets
