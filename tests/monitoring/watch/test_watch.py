import io
import json
import re
from collections import Counter

import pytest
from finished_run import STARTED, finish, log_line, start, write_log
from rich.console import Console
from typer.testing import CliRunner

from benchmark.cli import runs
from benchmark.cli.app import app
from benchmark.monitoring.watch.forecast import forecast
from benchmark.monitoring.watch.status import statuses
from benchmark.monitoring.watch.view import frame
from benchmark.runtime.errors import ConfigError

NOW = STARTED + 100


def seen(jobs, rule, now=NOW):
    return [s for s in statuses("smoke", jobs, now) if s.job.rule == rule]


def of(jobs, rule):
    return [job for job in jobs if job.rule == rule]


def rendered(jobs) -> str:
    console = Console(width=200, file=io.StringIO())
    console.print(frame("smoke", statuses("smoke", jobs, NOW)))
    return console.file.getvalue()


def test_all_jobs_wait_before_a_run(jobs):
    assert {s.state for s in statuses("smoke", jobs, NOW)} == {"waiting"}


def test_outputs_show_finished_jobs_and_logs_running_ones(jobs):
    start("smoke")
    first, second, third = of(jobs, "fetch")
    finish("smoke", first, seconds=7.0)
    write_log("smoke", second, "pulling\n", after=60.0)
    states = {s.job.key: s for s in statuses("smoke", jobs, NOW)}
    assert (states[first.key].state, states[first.key].seconds) == ("done", 7.0)
    assert (states[second.key].state, states[second.key].silent) == ("running", 40.0)
    assert states[third.key].state == "waiting"


def test_a_job_is_done_when_all_its_outputs_exist(jobs):
    start("smoke")
    job = of(jobs, "train")[0]
    finish("smoke", job)
    job.cells[0].history.unlink()
    write_log("smoke", job, "")
    assert seen(jobs, "train")[0].state == "running"


def test_a_job_whose_outputs_were_deleted_waits(jobs):
    start("smoke")
    job = of(jobs, "fetch")[0]
    finish("smoke", job)
    job.makes[0].unlink()
    assert seen(jobs, "fetch")[0].state == "waiting"


def test_logs_of_earlier_runs_are_ignored(jobs):
    start("smoke")
    write_log("smoke", of(jobs, "fetch")[0], "error: x: is missing. Get it.\n", after=-1.0)
    assert {s.state for s in seen(jobs, "fetch")} == {"waiting"}


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("error: data/raw/x: is missing. Get it.\n", "error: data/raw/x: is missing. Get it."),
        ("Traceback (most recent call last):\n  File x\nValueError: odd\n", "ValueError: odd"),
        ("SIGTERM: stopped after step 3 of 6; the same command goes on from there\n", "SIGTERM: stopped after step 3"),
    ],
)
def test_a_failed_job_shows_its_reason_and_log(jobs, log, reason):
    start("smoke")
    job = of(jobs, "train")[0]
    write_log("smoke", job, f"some warning\n{log}")
    found = seen(jobs, "train")[0]
    assert found.state == "failed"
    assert found.reason.startswith(reason)
    assert reason in rendered(jobs)
    assert str(job.log("smoke")) in rendered(jobs)


def test_a_training_without_result_is_done_and_shows_its_reason(jobs):
    start("smoke")
    job = of(jobs, "train")[0]
    finish("smoke", job)
    job.cells[0].run.write_text(json.dumps({"status": "failed", "reason": "cycle_source not finite at step 3 of 6"}))
    assert seen(jobs, "train")[0].state == "done"
    assert f"no result: {job.name}: cycle_source not finite at step 3 of 6" in rendered(jobs)


def test_incomplete_files_are_ignored(jobs):
    start("smoke")
    job = of(jobs, "train")[0]
    finish("smoke", job)
    job.cells[0].run.write_text('{"status": "fai')
    job.times("smoke").write_text("s\th:m:s\n")
    found = seen(jobs, "train")[0]
    assert (found.state, found.reason, found.seconds) == ("done", "", None)
    job.times("smoke").unlink()
    assert seen(jobs, "train")[0].seconds is None


def test_a_running_training_shows_step_losses_and_time_left(jobs):
    start("smoke")
    job = of(jobs, "segmentor")[0]
    write_log("smoke", job, log_line(0, 10, 100) + log_line(20, 30, 100, "cross_entropy 0.25"), after=100.0)
    text = rendered(jobs)
    for word in (f"segmentor {job.name}", "30 of 100", "cross_entropy 0.25", "1 min"):
        assert word in text


def test_a_brief_frame_fits_a_small_terminal(jobs):
    start("smoke")
    for job in jobs:
        if job.rule in ("fetch", "inventory", "split", "prepare", "collect"):
            finish("smoke", job)
    losses = ", ".join(f"{kind}_{domain} 0.1234" for kind in ("gan", "cycle", "seg") for domain in ("source", "target"))
    running = of(jobs, "train")[:2]
    for job in running:
        write_log("smoke", job, log_line(0, 10, 100) + log_line(20, 30, 100, losses), after=100.0)
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(frame("smoke", statuses("smoke", jobs, NOW), brief=True))
    lines = console.file.getvalue().splitlines()
    assert len(lines) <= 24
    for job in running:
        place = lines.index(f"train {job.name}: 30 of 100, 1 min 10 s left")
        assert lines[place + 1].startswith("  gan_source 0.123, gan_target 0.123, ")
        assert lines[place + 1].endswith("…")
    later = {job.rule for job in jobs} - {"fetch", "inventory", "split", "prepare", "collect", "train"}
    waiting = sum(job.rule in later for job in jobs)
    table = "\n".join(lines)
    assert re.search(r"^ +collect +3 ", table, re.MULTILINE)
    assert re.search(rf"^ +train +2 +{len(of(jobs, 'train')) - 2} +$", table, re.MULTILINE)
    assert re.search(rf"^ +{len(later)} rules later +{waiting} +$", table, re.MULTILINE)


def test_a_full_frame_has_all_losses(jobs):
    start("smoke")
    losses = ", ".join(f"loss_{n} 0.5" for n in range(40))
    write_log("smoke", of(jobs, "train")[0], log_line(0, 10, 100) + log_line(20, 30, 100, losses), after=100.0)
    assert [int(n) for n in re.findall(r"loss_(\d+)", rendered(jobs))] == [*range(40)]


def test_reading_the_status_changes_no_file(jobs, tmp_path):
    start("smoke")
    finish("smoke", of(jobs, "fetch")[0])
    write_log("smoke", of(jobs, "train")[0], log_line(0, 1, 6, "a 1"))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    statuses("smoke", jobs, NOW)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_time_left_from_similar_jobs_on_as_many_cores(jobs):
    start("smoke")
    trainings = of(jobs, "train")
    method = trainings[0].cells[0].method
    finish("smoke", trainings[0], seconds=100.0)
    alike = next(j for j in trainings[1:] if j.cells[0].method == method)
    write_log("smoke", alike, "")
    one = statuses("smoke", [trainings[0], alike], NOW)
    assert forecast(one).seconds == 100.0
    # another method's time is the mean of the rule, and one core does one job after another
    other = next(j for j in trainings if j.cells[0].method != method)
    assert forecast(statuses("smoke", [trainings[0], alike, other], NOW)).seconds == 200.0


def test_rules_without_a_finished_job_are_named(jobs):
    start("smoke")
    write_log("smoke", of(jobs, "score")[0], "")
    left = forecast(statuses("smoke", of(jobs, "score") + of(jobs, "gather"), NOW))
    assert left.unknown == ("score", "gather")
    assert "at least; nothing is known yet of fetch," in rendered(jobs)


def test_jobs_behind_a_failed_job_do_not_count_as_left(jobs):
    start("smoke")
    fetched = of(jobs, "fetch")
    for job in fetched[:2]:
        finish("smoke", job)
    write_log("smoke", fetched[2], "error: no\n")
    dataset = fetched[2].dataset
    lost = [job for job in jobs if job.dataset == dataset]
    assert forecast(statuses("smoke", [*fetched, *lost[1:]], NOW)).seconds == 0.0


def test_one_frame_of_a_named_run(jobs, config):
    start("smoke")
    (runs.paths.benchmark_root("smoke") / "config.json").write_text(config.model_dump_json())
    result = CliRunner().invoke(app, ["watch", "smoke", "--once"])
    assert result.exit_code == 0, result.output
    counts = Counter(job.rule for job in jobs)
    assert re.search(rf"train +{counts['train']}\b", result.output)


def test_a_missing_run():
    with pytest.raises(ConfigError, match=r"nothing: is no run in results"):
        runs.found_config("nothing")


def test_without_a_terminal_each_change_prints_a_frame_until_the_run_ends(jobs, monkeypatch):
    start("smoke")
    fetched = of(jobs, "fetch")
    left = [*fetched]

    def looks():
        return statuses("smoke", fetched, NOW)

    def pause(seconds):
        finish("smoke", left.pop())

    monkeypatch.setattr(runs.time, "sleep", pause)
    console = Console(width=120, file=io.StringIO())
    runs._on_change(console, "smoke", looks)
    text = console.file.getvalue()
    assert [f"smoke: {n} done" in text for n in range(4)] == [True] * 4
