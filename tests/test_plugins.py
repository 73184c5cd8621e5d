"""Plug-ins are found by their files."""

import sys

import pytest

from benchmark.config import plugins
from benchmark.config.base import Strict
from benchmark.config.plugins import Plugins
from benchmark.runtime.errors import ConfigError


class Tool:
    options = Strict


@pytest.fixture
def tools(tmp_path, monkeypatch):
    folder = tmp_path / "toolbox"
    folder.mkdir()
    head = "from test_plugins import Tool\n"
    (folder / "__init__.py").touch()
    (folder / "saw.py").write_text(f"{head}class Saw(Tool):\n    name = 'saw'\n")
    (folder / "empty.py").write_text(head)
    (folder / "broken.py").write_text("import not_installed\n")
    (folder / "double.py").write_text(
        f"{head}class A(Tool):\n    name = 'double'\nclass B(Tool):\n    name = 'double'\n"
    )
    (folder / "_helper.py").touch()
    (folder / "base.py").touch()
    monkeypatch.setattr(plugins, "ROOT", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "test_plugins", sys.modules[__name__])
    yield Plugins(Tool, "toolbox", "tool", lambda cls: cls.options, others=frozenset({"base"}))
    for name in [name for name in sys.modules if name.split(".")[0] == "toolbox"]:
        del sys.modules[name]


def test_files_are_plugins_but_helpers_and_machinery(tools):
    assert tools.available() == ["broken", "double", "empty", "saw"]


def test_a_plugin_is_the_class_of_its_files_name(tools):
    assert tools.find("saw").name == "saw"
    assert issubclass(tools.find("saw"), Tool)


def test_an_unknown_one_is_refused_with_the_nearest(tools):
    with pytest.raises(ConfigError, match="tool 'sew' is unknown, did you mean 'saw'"):
        tools.check("x.yaml", {"sew": {}})


def test_an_unknown_option_is_refused(tools):
    with pytest.raises(ConfigError, match=r"x\.yaml, tool saw: key 'teeth' is unknown"):
        tools.check("x.yaml", {"saw": {"teeth": 3}})


@pytest.mark.parametrize(("name", "count"), [("empty", 0), ("double", 2)])
def test_a_file_defines_exactly_one(tools, name, count):
    with pytest.raises(ConfigError, match=f"defines {count} tools of the name '{name}'"):
        tools.find(name)


def test_one_that_cannot_be_loaded_is_named(tools):
    with pytest.raises(ConfigError, match=r"toolbox/broken\.py: cannot be loaded \(ModuleNotFoundError: "):
        tools.find("broken")
