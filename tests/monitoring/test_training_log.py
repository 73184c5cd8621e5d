import logging

import pytest
import torch
from finished_run import log_line

from benchmark.monitoring.training_log import progress_of, rows_of, tail
from benchmark.training import loop
from benchmark.training.batches import Batches
from benchmark.training.state import TrainingState

BEGINS = "2026-01-02 03:04:00,000 begins after step 0 of 100\n"


def test_step_losses_speed_and_time_left():
    log = BEGINS + log_line(10, 10, 100, "a_source 0.5, b -1.25e-05") + log_line(20, 30, 100)
    progress = progress_of(log)
    assert (progress.step, progress.steps, progress.losses) == (30, 100, {"a_source": 0.5, "b": -1.25e-05})
    assert progress.per_second == pytest.approx(1.5)
    assert progress.seconds_left == pytest.approx(70 / 1.5)


def test_an_incomplete_line_is_ignored():
    whole = BEGINS + log_line(10, 10, 100, "a 0.5")
    line = log_line(20, 20, 100, "a 0.25")
    for length in range(len(line)):
        assert progress_of(whole + line[:length]) == progress_of(whole)
    assert progress_of(whole + line).step == 20


def test_rows_of_an_earlier_process_do_not_count_for_the_speed():
    again = log_line(0, 10, 100, "a 3") + log_line(0, 40, 100, "a 2")
    log = again + "2026-01-02 03:04:00,000 begins after step 40 of 100\n" + log_line(10, 45, 100)
    progress = progress_of(log)
    assert progress.per_second == pytest.approx(0.5)
    assert progress.losses == {"a": 2}
    earlier, rows = rows_of(log)
    assert [row.step for row in earlier] == [10, 40]
    assert [row.step for row in rows] == [40, 45]


def test_no_progress_before_a_training_begins():
    assert progress_of("loading\n") is None
    assert progress_of(BEGINS).per_second is None


def test_a_tail_begins_with_a_whole_line(tmp_path):
    path = tmp_path / "log"
    path.write_text("first\nsecond\nthird\n")
    assert tail(path, 9) == "third\n"
    assert tail(path) == "first\nsecond\nthird\n"
    assert tail(tmp_path / "gone") == ""


def test_a_training_writes_the_lines_that_are_read(caplog, monkeypatch):
    """Every row with its losses, and the step alone where rows are far apart."""
    monkeypatch.setattr(loop, "HISTORY_ROWS", 2)
    monkeypatch.setattr(loop, "PROGRESS_EVERY", -1.0)
    state = TrainingState(torch.device("cpu"), torch.nn.Module(), {}, {}, Batches(dict, {}), {}, {})
    with caplog.at_level(logging.INFO, "benchmark.training.loop"):
        loop.train(state, 6, lambda: {"a": torch.tensor(0.5)}, lambda step, losses: None)
    log = "".join(f"2026-01-02 03:04:00,000 {record.getMessage()}\n" for record in caplog.records)
    _, rows = rows_of(log)
    assert [(row.step, dict(row.losses)) for row in rows] == [
        (0, {}),
        (1, {}),
        (2, {}),
        (3, {"a": 0.5}),
        (4, {}),
        (5, {}),
        (6, {"a": 0.5}),
    ]
    assert {row.steps for row in rows} == {6}
