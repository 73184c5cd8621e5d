import os
import re
from pathlib import Path

import pytest

from benchmark.reporting.timings import CATEGORIES, print_table, timings
from benchmark.runtime import paths

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Writes what one job leaves."""
    monkeypatch.chdir(tmp_path)
    folder = paths.LOGS / "b"

    def write(rule, name, seconds, log=None, rss="100.0", finished=1000.0, log_path=None):
        path = folder / "benchmarks" / rule / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEAD}{seconds}\t0:00:01\t{rss}\t-\t-\t-\t-\t-\t0.0\t0.0\n")
        os.utime(path, (finished, finished))
        if log is not None:
            place = folder / (log_path or f"{rule}/{name}.log")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(log)

    return write


def _seconds(frame, level):
    rows = frame[frame["level"].eq(level)]
    return dict(zip(rows["name"], rows["seconds"], strict=True))


def test_categories_start_up_and_scheduling_add_up_to_all_cores(job):
    job("train", "one", 30.0, "step 1\nstart-up 3.00 s, work 27.00 s\n")
    job("train", "two", 20.0, "start-up 2.00 s, work 18.00 s\n", rss="900.0")
    job("segmentor", "one", 10.0, "start-up 3.00 s, work 7.00 s\n")
    job("gather", "all", 5.0, "start-up 1.00 s, work 4.00 s\n", log_path="gather.log")
    job("strange", "all", 4.0, "no such line\n", rss="-")
    found = timings("b", since=500.0, wall_seconds=50.0, cores=2)
    assert _seconds(found, "category") == pytest.approx(
        {"training": 45, "judging": 7, "scoring": 4, "other": 4, "start-up": 9, "scheduling": 31}
    )
    assert found[found["level"].eq("category")]["share"].sum() == pytest.approx(1)
    assert _seconds(found, "rule") == {"train": 50, "segmentor": 10, "gather": 5, "strange": 4}
    train = found[found["name"].eq("train")].iloc[0]
    assert (train["jobs"], train["start_up"], train["max_rss_mb"]) == (2, 5, 900)


def test_every_rule_that_is_timed_has_a_category():
    texts = [path.read_text() for path in (Path(__file__).parents[2] / "workflow/rules").glob("*.smk")]
    timed = {rule for text in texts for rule in re.findall(r'"\{LOGS\}/benchmarks/(\w+)/', text)}
    assert len(timed) > 10
    assert timed == set(CATEGORIES)


def test_a_record_that_is_not_whole_does_not_count(job):
    job("train", "one", 30.0)
    job("train", "two", 20.0)
    (paths.LOGS / "b/benchmarks/train/two.tsv").write_text(HEAD)
    assert _seconds(timings("b", since=0.0, wall_seconds=50.0, cores=2), "rule") == {"train": 30}


def test_jobs_of_earlier_runs_do_not_count(job):
    job("train", "old", 99.0, finished=100.0)
    job("train", "new", 10.0)
    assert _seconds(timings("b", since=500.0, wall_seconds=10.0, cores=1), "rule") == {"train": 10}


def test_a_run_without_jobs_prints_so(job, capsys):
    job("train", "old", 99.0, finished=100.0)
    print_table("b", since=500.0, wall_seconds=1.0, cores=2)
    assert "No job ran." in capsys.readouterr().out


def test_printed_table_names_rules_and_what_was_productive(job, capsys):
    job("train", "one", 90.0, "start-up 10.00 s, work 80.00 s\n")
    print_table("b", since=500.0, wall_seconds=100.0, cores=1)
    text = capsys.readouterr().out
    assert "Training, judging and scoring: 80.0%; start-up and scheduling: 20.0%." in text
    for word in ("train", "1 min 30 s", "100 MiB", "scheduling"):
        assert word in text


def test_on_a_cluster_idle_time_is_unknown(job, capsys):
    job("train", "one", 90.0, "start-up 10.00 s, work 80.00 s\n")
    job("prepare", "one", 10.0, "start-up 0.00 s, work 10.00 s\n")
    found = timings("b", since=500.0, wall_seconds=1000.0, cores=None)
    assert _seconds(found, "category") == {"training": 80, "preparation": 10, "start-up": 10}
    assert found[found["level"].eq("category")]["share"].sum() == pytest.approx(1)
    print_table("b", since=500.0, wall_seconds=1000.0, cores=None)
    assert "b: 16 min 40 s on a cluster" in capsys.readouterr().out
