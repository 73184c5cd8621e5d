"""The order of the modules, which pytest-xdist hands out one by one."""

import pytest

FIRST = {"snakemake": 0, "slurm": 0, "processes": 1}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest come first, so that none of them runs alone in the end."""
    turns: dict[object, int] = {}
    for item in items:
        own = [FIRST.get(mark.name, 2) for mark in item.iter_markers()]
        turns[item.path] = min([*own, turns.get(item.path, 2)])
    items.sort(key=lambda item: turns[item.path])
