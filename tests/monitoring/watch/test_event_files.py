import pytest
from finished_run import log_line, start, write_log

from benchmark.monitoring.training_log import rows_of
from benchmark.monitoring.watch.events import EventFiles
from benchmark.runtime.errors import UserError

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder, job):
    found = accumulator.EventAccumulator(str(folder / job.rule / job.name))
    found.Reload()
    return {tag: [(e.step, e.wall_time, e.value) for e in _scalars(found, tag)] for tag in found.Tags()["tensors"]}


def _scalars(found, tag):
    from tensorboard.util.tensor_util import make_ndarray

    class Scalar:
        def __init__(self, event):
            self.step, self.wall_time = event.step, event.wall_time
            self.value = float(make_ndarray(event.tensor_proto))

    return [Scalar(event) for event in found.Tensors(tag)]


def test_new_rows_of_a_running_training_are_added(jobs, tmp_path):
    start("smoke")
    job = next(job for job in jobs if job.rule == "segmentor")
    first = log_line(1, 1, 9, "a 0.5, b 2") + log_line(2, 2, 9)
    write_log("smoke", job, first)
    files = EventFiles(tmp_path / "events", "smoke")
    files.update(jobs)
    files.update(jobs)
    more = first + log_line(5, 3, 9, "a 0.25, b 1")
    write_log("smoke", job, more, after=20.0)
    files.update(jobs)
    found = read(tmp_path / "events", job)
    assert {tag: [(step, value) for step, _, value in rows] for tag, rows in found.items()} == {
        "a": [(1, 0.5), (3, 0.25)],
        "b": [(1, 2.0), (3, 1.0)],
    }
    _, rows = rows_of(more)
    assert [time for _, time, _ in found["a"]] == [rows[0].time, rows[2].time]


def test_a_folder_with_event_files_is_refused(jobs, tmp_path):
    start("smoke")
    job = next(job for job in jobs if job.rule == "segmentor")
    write_log("smoke", job, log_line(1, 1, 9, "a 0.5"))
    EventFiles(tmp_path / "events", "smoke").update(jobs)
    with pytest.raises(UserError, match="holds event files already"):
        EventFiles(tmp_path / "events", "smoke")
