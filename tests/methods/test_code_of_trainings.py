"""All code that a training runs is in its digest."""

import ast
import random
import sys
import threading
from pathlib import Path

import small_benchmark as small
from changed_project import PROJECT, Changed

from benchmark.judges.segmentor import train_segmentor
from benchmark.pipeline.training import train_cell
from benchmark.runtime.code_digest import ROOT
from benchmark.runtime.paths import Cell

ONE = {"unit": "steps", "constant": 1, "decay": 0}  # to note calls makes a step several times as long


def called(work) -> set[tuple[Path, int]]:
    """File and first line of each function of this project that the work calls."""
    codes = set()

    def note(frame, event, _):
        if event == "call":
            codes.add(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    ours = tuple(f"{ROOT / package}/" for package in ("benchmark", "methods"))
    places = {(code.co_filename, code.co_firstlineno) for code in codes if code.co_filename.startswith(ours)}
    return {(Path(file), line) for file, line in places}


def with_another_statement(path: Path, line: int) -> str | None:
    """The file with a statement more at the beginning of the function on that line; None where that is no statement."""
    text = path.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and line in {node.lineno, *(d.lineno for d in node.decorator_list)}:
            first = node.body[0]
            lines = text.splitlines()
            lines.insert(first.lineno - 1, " " * first.col_offset + "changed = 1")
            return "\n".join(lines)
    return None


def check(functions: set[tuple[Path, int]], *entries: str) -> None:
    """Changes some of the functions, one at a time."""
    changed = {place: text for place in sorted(functions) if (text := with_another_statement(*place))}
    digest = PROJECT.digest(*entries)
    some = random.Random(0).sample(list(changed), 25)
    assert not [place for place in some if Changed(place[0], changed[place]).digest(*entries) == digest]


def test_each_function_that_a_training_calls_changes_its_digest():
    small.lay_out()
    training = {"width": 4, "schedule": ONE}
    methods = {"segrenorm": {"embedding_dim": 16}}
    config = small.benchmark_config(methods=methods, proposed="segrenorm", training=training)
    cell = Cell("small", small.DATASET, "AA", "BB", 0, "segrenorm", 0)
    check(called(lambda: train_cell(config, cell)), "benchmark.pipeline.training:train_cell", "methods.segrenorm")


def test_each_function_that_the_training_of_a_judge_calls_changes_its_digest():
    small.lay_out()
    config = small.benchmark_config()
    functions = called(lambda: train_segmentor(config, small.DATASET, "AA", 0))
    check(functions, "benchmark.judges.segmentor:train_segmentor")
