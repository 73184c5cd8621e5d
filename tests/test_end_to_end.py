"""The whole pipeline on tiny phantoms, in a fresh copy of the project: every rule, twice, and after a new pull."""

import os
import re
import shutil
import sys
from pathlib import Path

import h5py
import pandas as pd
import pytest
import yaml
from copied_project import call, copied_project, kill_and_resume, prepared

from benchmark.config.cells import cells_of, judged
from benchmark.metrics.registry import metric_class
from benchmark.pipeline.resolve import load_benchmark
from benchmark.results import scores
from benchmark.runtime import paths
from benchmark.runtime.paths import Cell

CONFIG = "config/smoke.yaml"
pytestmark = pytest.mark.snakemake


def snakemake(project: Path, *arguments: str, succeed: bool = True) -> str:
    # Options last: --configfile would take targets for further files.
    return call(project, "snakemake", *arguments, "--cores", "2", "--configfile", CONFIG, succeed=succeed)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return copied_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def first_run(project) -> str:
    return snakemake(project)


def cells(project: Path) -> list[Cell]:
    config = load_benchmark(project / CONFIG)
    return [cell for dataset, pair, fold in judged(config) for cell in cells_of(config, dataset, pair, fold)]


def test_every_cell_is_scored_and_every_missing_number_has_a_reason(project, first_run):
    table = scores.read(project / "results/smoke/scores.csv")
    for cell in cells(project):
        rows = table[(table["dataset"] == cell.dataset) & (table["method"] == cell.method)]
        assert len(rows), cell
    missing = table[table["status"] != "ok"]
    assert (missing["reason"] != "").all()
    assert table.loc[table["status"] == "ok", "value"].notna().all()


def test_semantic_dropout_is_skipped_on_sparse_lesions_with_its_reason(project, first_run):
    table = scores.read(project / "results/smoke/scores.csv")
    rows = table[(table["dataset"] == "msseg_phantom_tiny") & (table["method"] == "semgan")]
    assert set(rows["status"]) == {"skipped"}
    assert rows["reason"].str.contains("sparse").all()


def test_page_shows_tables_and_figures(project, first_run):
    page = (project / "reports/smoke/index.html").read_text()
    for number in ("Table IV", "Table V", "Table VI", "Fig. 1", "Fig. 6", "Fig. 7", "Fig. 8", "Fig. 9a", "Fig. 9b"):
        assert number in page, number
    figures = sorted((project / "reports/smoke/figures").glob("*.png"))
    assert len(figures) >= 6  # one at least for each number above
    for figure in figures:
        assert f"figures/{figure.name}" in page


def test_time_table_is_printed(first_run):
    assert "train" in first_run
    assert "start-up" in first_run


def test_second_run_has_nothing_to_do(project, first_run):
    assert "Nothing to be done" in snakemake(project)


def test_every_file_is_a_declared_output_and_no_checkpoint_is_left(project, first_run):
    listed = snakemake(project, "--summary").splitlines()
    declared = {line.split("\t")[0] for line in listed if "\t" in line}
    assert "results/smoke/leaderboard.csv" in declared
    files = [p for root in ("data/prepared", "results/smoke", "reports/smoke") for p in (project / root).rglob("*")]
    names = [path.relative_to(project) for path in files if path.is_file()]
    others = {name.as_posix() for name in names if declared.isdisjoint(map(str, (name, *name.parents)))}
    locks = {name for name in others if name.startswith("results/smoke/checkpoints/") and name.endswith(".lock")}
    assert others - locks == {"results/smoke/config.json"}  # of the run, not of a job


def test_quality_is_drawn_when_it_is_asked_for_and_then_only(project, first_run):
    assert not (project / "reports/quality").exists()
    output = snakemake(project, "quality")
    assert "rule inspect:" in output
    assert "rule prepare:" not in output
    for target in tiny_targets(project):
        page = project / paths.quality(Path(target).name) / "index.html"
        assert f"Open {page}" in output
        assert page.is_file()
    assert "Nothing to be done" in snakemake(project, "quality")
    assert "Nothing to be done" in snakemake(project)


def test_nothing_to_do_after_the_data_were_deleted_and_pulled_again(project, first_run):
    for folder in (project / "data/raw").glob("*_tiny"):
        shutil.rmtree(folder)
    call(project, sys.executable, "-m", "dvc", "checkout", "--quiet", *tiny_targets(project))
    assert (project / "data/raw/ixi_phantom_tiny").is_dir()
    assert "Nothing to be done" in snakemake(project)


def tiny_targets(project: Path) -> list[str]:
    return [f"data/raw/{name}" for name in load_benchmark(project / CONFIG).datasets]


def test_preparation_that_was_killed_ends_as_if_it_had_not_been(project, first_run, tmp_path):
    """The same command again, without unlocking anything; `python tests/copied_project.py` does it more often."""
    resumed = copied_project(tmp_path)
    kill_and_resume(resumed, "retouch_phantom_tiny", kills=1, seed=1)
    assert prepared(resumed, "retouch_phantom_tiny") == prepared(project, "retouch_phantom_tiny")


def test_the_last_run_spares_parsing_pytorch(project, first_run):
    command = ["-X", "importtime", "-m", "snakemake", "--dry-run", "--cores", "1", "--configfile", CONFIG]
    output = call(project, sys.executable, *command)
    assert "Nothing to be done" in output
    assert "benchmark.pipeline.resolve" in output
    assert not re.search(r"\| +(torch|monai|benchmark\.networks)\b", output)


def plan_with(project: Path, *changes: tuple[str, str, str]) -> str:
    """What Snakemake would do after texts of files were replaced."""
    before = {file: (project / file).read_text() for file, _, _ in changes}
    for file, old, new in changes:
        text = (project / file).read_text()
        assert old in text, file
        (project / file).write_text(text.replace(old, new))
    plan = snakemake(project, "--dry-run", "--quiet", "rules")
    for file, text in before.items():
        (project / file).write_text(text)
    return plan


def test_changed_comments_and_renamed_locals_rerun_nothing(project, first_run):
    files = ("networks/generator.py", "runtime/errors.py", "judges/segmentor.py")
    comments = [(f"benchmark/{file}", "\n\n\n", "\n\n\n# A comment.\n") for file in files]
    renamed = [
        ("benchmark/methods/objective.py", "    loss = ", "    renamed = "),
        ("benchmark/methods/objective.py", "* loss if halved else loss", "* renamed if halved else renamed"),
    ]
    assert "Nothing to be done" in plan_with(project, *comments, *renamed)


def test_a_changed_loss_trains_again_and_a_changed_metric_only_scores(project, first_run):
    plan = plan_with(project, ("benchmark/methods/objective.py", "0.5 *", "0.25 *"))
    assert "train" in plan
    assert "segmentor" not in plan
    plan = plan_with(project, ("benchmark/metrics/kid.py", "\n\n\n", "\n\n\nCHANGED = 1\n"))
    assert "score" in plan
    assert "train" not in plan
    assert "segmentor" not in plan


def test_what_was_deleted_is_made_again_by_its_name(project, first_run):
    """By the rule that writes it and no other."""
    cell = next(c for c in cells(project) if c.method == "semgan" and c.dataset == "msseg_phantom_tiny")
    assert scores.read(project / cell.scores)["status"].eq("skipped").all()
    made_by = {
        paths.splits(cell.dataset, cell.pair): "split",
        cell.harmonize_run: "harmonize",
        cell.artifacts: "score",
        cell.scores: "score",
        paths.scores("smoke"): "gather",
    }
    for path, rule in made_by.items():
        content = (project / path).read_bytes()
        times = (project / path).stat().st_atime_ns, (project / path).stat().st_mtime_ns
        (project / path).unlink()
        plan = snakemake(project, str(path), "--dry-run", "--quiet", "rules")
        (project / path).write_bytes(content)
        os.utime(project / path, ns=times)
        jobs = [line.split()[0] for line in plan.splitlines() if re.fullmatch(r"\w+ +\d+", line)]
        assert set(jobs) == {rule, "total"}, path


@pytest.mark.parametrize(
    ("section", "reruns", "spares"),
    [
        ("segmentor", {"segmentor", "reference", "score"}, {"autoencoder", "train", "harmonize", "prepare"}),
        ("training", {"train", "harmonize", "score"}, {"autoencoder", "segmentor", "reference", "prepare"}),
    ],
)
def test_a_changed_setting_reruns_what_depends_on_it(project, first_run, section, reruns, spares):
    changed = yaml.safe_load((project / CONFIG).read_text())
    (changed["training"] if section == "training" else changed["judges"][section])["width"] = 8
    (project / "config/changed.yaml").write_text(yaml.safe_dump(changed))
    plan = call(
        project, "snakemake", "--dry-run", "--quiet", "rules", "--cores", "2", "--configfile", "config/changed.yaml"
    )
    jobs = {line.split()[0] for line in plan.splitlines() if len(line.split()) == 2 and line.split()[1].isdigit()}
    assert reruns <= jobs
    assert not spares & jobs


def test_a_changed_dataset_scores_or_renders_again(project, first_run):
    """What stands in a dataset's config and not in its slices: whether FID is reported, and its title."""
    path = project / "config/datasets/msseg_phantom_tiny.yaml"
    before = path.read_text()
    path.write_text(before.replace("title: MS-SEG phantom, tiny", "title: Renamed"))
    plan = snakemake(project, "--dry-run", "--quiet", "rules")
    assert "tables" in plan
    assert "score" not in plan
    path.write_text(before + "fid: true\n")
    assert "score" in snakemake(project, "--dry-run", "--quiet", "rules")
    path.write_text(before)


def test_a_misspelt_key_stops_before_anything_runs(project):
    output = snakemake(project, "--config", "trainig=1", succeed=False)
    assert "key 'trainig' is unknown, did you mean 'training'?" in output
    assert "Traceback" not in output


def test_the_same_cell_trained_twice_is_the_same_to_the_bit(project, first_run):
    cell = next(c for c in cells(project) if c.method == "segrenorm")
    first = {p.name: p.read_bytes() for p in sorted((project / cell.model).glob("*.safetensors"))}
    numbers = pd.read_csv(project / cell.scores)
    with h5py.File(project / cell.harmonized) as file:
        images = {s: file[s]["image"][:] for s in file}
    assert first
    shutil.rmtree(project / cell.root)
    # By name: Snakemake does not miss what lay between an archive and a page that are both there.
    snakemake(project, str(cell.scores))
    assert {p.name: p.read_bytes() for p in sorted((project / cell.model).glob("*.safetensors"))} == first
    with h5py.File(project / cell.harmonized) as file:
        assert set(file) == set(images)
        assert all((file[s]["image"][:] == images[s]).all() for s in images)
    again = pd.read_csv(project / cell.scores)
    timed = numbers["metric"].isin([quantity.name for quantity in metric_class("cost").quantities])
    assert not timed.all()
    pd.testing.assert_frame_equal(again[~timed], numbers[~timed])
