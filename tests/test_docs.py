"""What the documents say holds, and their site builds."""

import ast
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from markdown.extensions.toc import slugify

from benchmark.cli.app import app
from benchmark.metrics import registry as metrics
from benchmark.pipeline.describe import describe

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OF_THE_TUTORIAL = {"methods/linear_scaling.py", "config/mine.yaml"}
"""Files that its reader writes."""


def code_of(page):
    """Code blocks and code in sentences, of a page or of all, a command a line."""
    text = page.read_text().replace("\\\n", " ")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    return "\n".join([*blocks, *(" ".join(code.split()) for code in inline)])


ALL_CODE = "\n".join(map(code_of, PAGES))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site, of a project whose demo was run."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "reports/demo").mkdir(parents=True)
    (folder / "reports/demo/index.html").write_text("<p>the board</p>")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(ROOT / "mkdocs.yml")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    command += ["--site-dir", str(folder / "site")]
    built = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder / "site"


class Loaded(HTMLParser):
    """Addresses that a browser loads with a page, as opposed to those that it links to."""

    def __init__(self, page):
        super().__init__()
        self.addresses = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag != "a":
            self.addresses += [value for key, value in attrs if key in ("src", "href", "srcset", "data") and value]


@pytest.mark.processes
def test_the_site_loads_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        assert [a for a in Loaded(page.read_text()).addresses if re.match(r"(\w+:)?//", a)] == [], page.name
    for style in (ROOT / "docs/assets").glob("*.css"):
        assert "url(" not in style.read_text()


@pytest.mark.processes
def test_the_site_holds_the_leaderboard_of_the_demo(site):
    assert (site / "leaderboard/index.html").read_text() == "<p>the board</p>"
    assert 'href="leaderboard/index.html"' in (site / "index.html").read_text()


@pytest.mark.processes
def test_the_reference_has_every_metric_and_every_shown_command(site):
    page = (site / "metrics.html").read_text()
    assert [name for name in metrics.quantities() if f"<code>{name}</code>" not in page] == []
    page = (site / "cli.html").read_text()
    assert "hbench leaderboard check" in page
    assert "hbench step" not in page


def test_config_reference_is_made_from_the_models():
    assert (ROOT / "docs/config.md").read_text() == describe() + "\n", "run: hbench config > docs/config.md"


def test_links_of_the_readme_lead_somewhere():
    page = ROOT / "README.md"
    for target in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        assert (ROOT / path).exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)", (ROOT / path).read_text(), re.MULTILINE)
            assert anchor in [slugify(head, "-") for head in heads], target


def test_files_that_documents_name_are_there():
    folders = "benchmark|methods|config|profiles|results/reference|studies|tests|workflow"
    pattern = rf"(?<![\w./])((?:{folders})/[\w./-]+\.\w+)"
    for page in PAGES:
        for named in set(re.findall(pattern, code_of(page))) - OF_THE_TUTORIAL:
            assert (ROOT / named).is_file(), f"{page.name}: {named}"


def test_every_room_has_its_sentence():
    rooms = {path.parent.name for path in (ROOT / "benchmark").glob("*/__init__.py")}
    page = (ROOT / "docs/architecture.md").read_text()
    assert {room for room in rooms if f"| `{room}` |" not in page} == set()


def test_commands_of_make_are_targets():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake (?:[A-Z]+=\S+ )*([a-z-]+)", ALL_CODE))
    assert {"demo", "test", "open", "docs"} <= named
    assert named <= targets


def test_commands_of_hbench_are_there():
    called = re.findall(r"(?:\bhbench|python -m benchmark)(?= )([^\n>#|&]*)", ALL_CODE)
    assert len(called) > 15
    for call in called:
        command = typer.main.get_command(app)
        for word in call.split():
            if word.startswith("--"):
                options = [option for p in command.params for option in (*p.opts, *p.secondary_opts)]
                assert word in [*options, "--help"], call
            elif word != "..." and hasattr(command, "commands"):
                assert word in command.commands, call
                command = command.commands[word]


def test_programs_that_documents_call_are_there():
    for module in re.findall(r"python -m ((?:studies|benchmark)\.[\w.]+)", ALL_CODE):
        assert importlib.util.find_spec(module), module
    for path in re.findall(r"(?:python|pytest) (\w+/[\w/]+\.py)", ALL_CODE):
        assert (ROOT / path).is_file(), path


def python_examples():
    return [e for page in PAGES for e in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)]


def test_python_of_documents_imports_what_there_is():
    assert python_examples()
    for example in python_examples():
        for node in ast.parse(example).body:
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                assert [n.name for n in node.names if not hasattr(module, n.name)] == [], node.module
