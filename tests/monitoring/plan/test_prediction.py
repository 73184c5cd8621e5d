"""Predictions from made-up times with a known schedule."""

import io
import json
import re
from pathlib import Path

import pytest
from finished_run import HEAD, finish, log_line, start, write_log
from rich.console import Console
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.config.dataset import Crops
from benchmark.monitoring.duration import device_time, duration
from benchmark.monitoring.plan.dataset_size import dataset_size
from benchmark.monitoring.plan.measurement import divide_training, read_run
from benchmark.monitoring.plan.prediction import predict
from benchmark.monitoring.plan.report import print_prediction
from benchmark.monitoring.plan.sources import Source, load
from benchmark.monitoring.schedule import Machine
from benchmark.pipeline.jobs import jobs_of
from benchmark.runtime import paths
from benchmark.runtime.errors import UserError

SECONDS = {"train": 21.0, "segmentor": 11.0, "autoencoder": 6.0, "prepare": 3.0}
"""Of each rule's jobs, one second of which is start-up; 2 for other rules."""


@pytest.fixture
def jobs(config):
    """Jobs of a finished run."""
    start("smoke")
    paths.resolved("smoke").write_text(config.model_dump_json())
    subjects = {name: dataset_size(name).subjects for name in config.datasets}
    jobs = jobs_of(config, {name: list(ids) for name, ids in subjects.items()})
    for job in jobs:
        finish("smoke", job, SECONDS.get(job.rule, 2.0))
        if job.rule == "inventory":
            entries = {s: {"domain": domain} for s, domain in subjects[job.dataset].items()}
            job.makes[0].write_text(json.dumps({"subjects": entries}))
        for cell in job.cells:
            cell.harmonize_run.write_text(
                json.dumps(
                    {
                        "status": "ok",
                        "reason": "",
                        "wall_seconds": 1.0,
                        "peak_memory_mib": 1.0,
                        "hardware": {"cpu": "Made up", "cores": 2, "gpu": None, "memory_gib": 3.0},
                    }
                )
            )
    return jobs


def printed(config, found, gpu="", memory=0.0):
    console = Console(width=200, file=io.StringIO())
    print_prediction(
        console, config, Source(title="a run", gpu=gpu, memory=memory, measurements=read_run(config)), found
    )
    return console.file.getvalue()


def with_steps(config, factor):
    schedule = config.training.schedule
    longer = schedule.model_copy(update={"constant": factor * schedule.constant, "decay": factor * schedule.decay})
    return config.model_copy(update={"training": config.training.model_copy(update={"schedule": longer})})


def test_a_run_predicts_itself(config, jobs):
    found = predict(config, read_run(config), Machine(1))
    assert found.core_seconds == pytest.approx(sum(SECONDS.get(job.rule, 2.0) for job in jobs))
    assert found.wall_seconds == pytest.approx(found.core_seconds)
    assert {rule.rule: rule.jobs for rule in found.rules}["train"] == 11
    assert all(rule.scale == pytest.approx(1) for rule in found.rules)
    # fetch, inventory, prepare, collect, train, harmonize, score, gather, figures, page
    assert found.path_seconds == pytest.approx(8 * 2 + 3 + 21)
    # archives are fetched one after the other, and then no chain waits for another
    assert predict(config, read_run(config), Machine(10**3)).wall_seconds == pytest.approx(found.path_seconds + 2 * 2)


def test_twice_the_steps_take_twice_the_work_but_one_start_up(config, jobs):
    found = predict(with_steps(config, 2), read_run(config), Machine(1))
    trainings = [e.seconds for (rule, _), e in found.estimates.items() if rule == "train"]
    assert trainings == pytest.approx([41.0] * 11)


def test_harmonizing_and_scoring_take_as_long_as_there_are_slices_and_nothing_where_a_method_is_skipped(config, jobs):
    found = read_run(config)
    assert {m.amount > 0 for m in found if m.rule in ("harmonize", "score") and m.method == "cyclegan"} == {True}
    assert {m.amount for m in found if m.method == "semgan" and m.dataset == "msseg_phantom_tiny"} == {0}


def test_an_unmeasured_method_takes_as_long_as_those_with_networks_of_its_width(config, jobs):
    measured = [m for m in read_run(config) if m.method != "histogram_matching"]
    slow = [m.model_copy(update={"work": 100 * m.work}) if m.width > 1 else m for m in measured]
    estimates = predict(config, slow, Machine(1)).estimates
    (job,) = [key for key in estimates if key[0] == "harmonize" and key[1].startswith("ixi") and "histogram" in key[1]]
    assert estimates[job].seconds < 5  # those with wider networks took 101
    assert estimates[job].widened == 1


def test_a_wider_network_takes_longer_and_is_marked_as_scaled(config, jobs):
    wider = config.model_copy(update={"training": config.training.model_copy(update={"width": 8})})
    found = predict(wider, read_run(config), Machine(2))
    train = next(rule for rule in found.rules if rule.rule == "train")
    assert train.scale == pytest.approx(4)
    assert train.seconds == pytest.approx(11 * (1 + 4 * 20))
    text = printed(wider, found)
    assert "times 4" in text
    assert "Scaled by pixels and squared widths, which can be wrong by several times: train" in text
    assert "Bottleneck: train" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("train "))
    assert "MiB" not in row  # was not measured at this width


def test_an_autoencoder_of_whole_slices_takes_longer_than_one_of_crops(config, jobs):
    """Slices of the smoke benchmark have 48 x 32 pixels, and its crops 32 x 32."""
    autoencoder = config.judges.autoencoder.model_copy(update={"crop": "whole"})
    whole = config.model_copy(update={"judges": config.judges.model_copy(update={"autoencoder": autoencoder})})
    scales = {
        rule.rule: rule.scale for rule in predict(whole, read_run(config), Machine(2)).rules if rule.scale is not None
    }
    assert scales.pop("autoencoder") == pytest.approx(1.5)
    assert set(scales.values()) == {1}


def test_networks_of_quite_another_width_predict_nothing(jobs):
    result = CliRunner().invoke(app, ["plan", "config/paper.yaml", "--from", "smoke"])
    assert isinstance(result.exception, UserError)
    assert "says nothing of paper: squared widths of networks differ up to 256 times (train, " in str(result.exception)


def test_more_pixels_at_the_same_width_are_extrapolated(config, jobs):
    crops = Crops(crop=(128, 128), batch_size=4)
    uses = {name: use.model_copy(update={"training": crops}) for name, use in config.datasets.items()}
    larger = config.model_copy(update={"datasets": uses})
    text = printed(larger, predict(larger, read_run(config), Machine(2)))
    line = next(line for line in text.splitlines() if line.startswith("Extrapolated from the measured widths"))
    assert "train (up to 32 times)" in line
    assert "wrong by several times" not in text


@pytest.mark.parametrize(("memory", "verdict"), [(24.0, "Each fits in the 24.0 GB of A"), (3.9, "Not all fit in the")])
def test_a_gpu_is_named_with_its_days_and_whether_trainings_fit(config, jobs, memory, verdict):
    days = with_steps(config, 10**5)
    text = printed(days, predict(days, read_run(config), Machine(2, 1)), gpu="A", memory=memory)
    assert re.match(r"smoke: about [\d.]+ .* on 2 cores and 1 × A, from a run", text)
    assert re.search(r"In all: \d+\.\d GPU-days and \d+\.\d\d CPU-hours beside them", text)
    assert verdict in text


def test_units_of_time_grow_with_it():
    assert device_time(9000, "CPU") == "2.50 CPU-hours"
    assert device_time(12 * 86400, "GPU") == "12.0 GPU-days"
    assert device_time(1e9, "CPU") == "31.7 CPU-years"
    assert duration(1e9) == "31.7 years"


def test_rules_without_measurement_are_named(config, jobs):
    measurements = [m for m in read_run(config) if m.rule != "figures"]
    found = predict(config, measurements, Machine(2))
    assert next(rule for rule in found.rules if rule.rule == "figures").scale is None
    assert found.estimates["figures", "all"].seconds == 0


def test_peak_memory_and_size_of_files(config, jobs):
    found = predict(config, read_run(config), Machine(3))
    assert found.peak_memory == 300.0
    for job in jobs:
        if job.rule == "segmentor":
            job.makes[0].write_bytes(bytes(1000))
    assert predict(config, read_run(config), Machine(3)).size("segmentor") == pytest.approx(6000)


def test_the_command(config, jobs, tmp_path):
    result = CliRunner().invoke(app, ["plan", "smoke", "--cores", "1", "--from", "smoke"])
    assert result.exit_code == 0, result.output
    assert "from the run smoke on Made up, 2 cores" in result.output
    seconds = sum(SECONDS.get(job.rule, 2.0) for job in jobs)
    assert f"{seconds // 60:.0f} min {seconds % 60:02.0f} s on 1 cores" in result.output


def test_wrong_arguments_of_plan(jobs):
    for arguments, fault in (
        ([], "takes either --from or --measure"),
        (["--from", "smoke", "--measure"], "takes either --from or --measure"),
        (["--from", "smoke", "--gpus", "1"], "times are of a machine without a GPU"),
        (["--from", "nothing.json"], "nothing.json: is missing"),
        (["--from", "nothing"], "is neither a run in results/ nor a file that --save wrote. Name one of smoke."),
    ):
        result = CliRunner().invoke(app, ["plan", "smoke", *arguments])
        assert isinstance(result.exception, UserError)
        assert fault in str(result.exception)


def test_a_memory_limit_needs_measurements_of_the_same_size(config, jobs):
    arguments = ["plan", "config/demo.yaml", "--from", "smoke", "--memory", "4"]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, UserError)
    assert "--memory: cannot be planned with" in str(result.exception)
    assert CliRunner().invoke(app, ["plan", "smoke", *arguments[2:]]).exit_code == 0


def test_saved_measurements_are_loaded(config, jobs):
    source = Source(title="a machine", gpu="A", memory=24, measurements=read_run(config))
    source.save(Path("kept.json"))
    assert load(Path("kept.json")) == source


def test_a_run_without_times(config):
    with pytest.raises(UserError, match="holds no times of a run"):
        read_run(config)


def test_a_job_with_damaged_times_counts_as_not_measured(config, jobs):
    whole = read_run(config)
    one = next(job for job in jobs if job.rule == "train")
    for content in (b"", b"\xff\x00\xfe", HEAD.encode(), f"{HEAD}1.5\t0:0".encode(), b"s\nnan\n"):
        one.times("smoke").write_bytes(content)
        assert len(read_run(config)) == len(whole) - 1, content
    found = predict(config, read_run(config), Machine(1))
    assert found.estimates[one.key].seconds == pytest.approx(21)  # as of those like it
    for job in jobs:
        job.times("smoke").write_bytes(b"")
    with pytest.raises(UserError, match="holds no times of a run"):
        read_run(config)


def test_an_unfinished_run(config, jobs):
    cells = [cell for job in jobs if job.rule == "score" for cell in job.cells]
    for cell in (cells[0], cells[-1]):
        cell.harmonize_run.unlink()
    result = CliRunner().invoke(app, ["plan", "smoke", "--from", "smoke"])
    assert str(result.exception) == (
        f"the run smoke: is not finished: 2 of its {len(cells)} cells are not harmonized yet. "
        "Wait for its end (hbench watch smoke shows it), or measure with --measure."
    )


BEGINS = "2026-01-02 03:04:00,000 begins after step {} of 10\n"


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        # The first step took 6 seconds, the others one each.
        (BEGINS.format(0) + "".join(log_line(5 + n, n, 10) for n in range(1, 11)), (31.0, 10.0)),
        # Four steps of two seconds, after an earlier process did six.
        (
            log_line(0, 3, 10) + log_line(0, 6, 10) + BEGINS.format(6) + log_line(4, 8, 10) + log_line(8, 10, 10),
            (33.0, 20.0),
        ),
        (BEGINS.format(0) + log_line(6, 10, 10), (1.0, 40.0)),  # one row gives no speed
        (BEGINS.format(0) + log_line(6, 5, 10) + log_line(6, 10, 10), (1.0, 40.0)),
        (BEGINS.format(0) + log_line(9, 5, 10) + log_line(2, 10, 10), (1.0, 40.0)),  # the clock was set back,
        (BEGINS.format(0) + log_line(0, 5, 10) + log_line(50, 10, 10), (1.0, 40.0)),  # or forth
        ("", (1.0, 40.0)),
    ],
)
def test_training_time_is_divided_into_steps_and_rest(log, expected, tmp_path):
    path = tmp_path / "log"
    path.write_text(log)
    assert divide_training(path, 1.0, 40.0) == pytest.approx(expected)


def test_only_the_steps_of_a_short_training_scale(config, jobs):
    for job in jobs:
        if job.rule == "train":
            log = "2026-01-02 03:04:00,000 begins after step 0 of 6\n" + "".join(log_line(n, n, 6) for n in range(1, 7))
            write_log("smoke", job, f"{log}start-up 1.00 s, work 20.00 s\n")
    assert predict(config, read_run(config), Machine(1)).rules[5].seconds == pytest.approx(11 * 21)
    longer = predict(with_steps(config, 2), read_run(config), Machine(1))
    assert [e.seconds for (rule, _), e in longer.estimates.items() if rule == "train"] == pytest.approx([27.0] * 11)
