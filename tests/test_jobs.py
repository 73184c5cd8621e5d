"""The jobs that ``watch`` and ``plan`` work with are those that Snakemake plans."""

import re
from collections import Counter

import pytest
from copied_project import ROOT, call, copied_project

from benchmark.pipeline.jobs import ON_GPU, RULES, Job, jobs_of
from benchmark.pipeline.resolve import load_benchmark

pytestmark = pytest.mark.snakemake
TRAININGS = {
    "paper": {"msseg": 45, "retouch": 4, "ixi": 4},
    "smoke": {"ixi_phantom_tiny": 4, "msseg_phantom_tiny": 3, "retouch_phantom_tiny": 4},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copied_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module", params=["paper", "smoke"])  # the latter leaves pairs out
def benchmark(request):
    return request.param


@pytest.fixture(scope="module")
def planned(project, benchmark):
    """Every job of a benchmark that Snakemake plans without data, by rule and name: its entries as text."""
    (project / "gpu").mkdir(exist_ok=True)
    (project / "gpu/sitecustomize.py").write_text(
        "from benchmark.runtime import devices; devices.gpus = lambda: ['one']"
    )
    command = ["env", f"PYTHONPATH={project / 'gpu'}:{project}", "snakemake", "--dry-run", "--cores", "1"]
    command += ["--configfile", f"config/{benchmark}.yaml"]
    found = {}
    for block in re.split(r"^\[.*\]\n(?=(?:rule|checkpoint) )", call(project, *command), flags=re.MULTILINE)[1:]:
        entries = dict(line.strip().partition(": ")[::2] for line in block.splitlines() if line.startswith("    "))
        if "log" in entries:  # `all` has none
            rule = re.match(r"\w+ (\w+):", block)[1]
            found[rule, re.search(r"/([^/]+)\.tsv", entries["benchmark"])[1]] = entries
    return found


@pytest.fixture(scope="module")
def told(benchmark) -> dict[tuple[str, str], Job]:
    config = load_benchmark(ROOT / f"config/{benchmark}.yaml")
    return {job.key: job for job in jobs_of(config, {name: ["somebody"] for name in config.datasets})}


def files(entries: dict[str, str], what: str) -> set[str]:
    return set(filter(None, entries.get(what, "").split(", ")))


def test_the_same_jobs(planned, told):
    # Snakemake learns of subjects when it runs.
    assert {key for key in told if key[0] != "prepare"} == set(planned)
    assert list(dict.fromkeys(rule for rule, _ in told)) == list(RULES)


def test_a_learned_method_is_trained_in_each_fold_where_it_applies(planned, benchmark):
    assert Counter(name.partition("-")[0] for rule, name in planned if rule == "train") == TRAININGS[benchmark]


def test_with_the_same_outputs_logs_priorities_and_gpus(planned, told, benchmark):
    for key, entries in planned.items():
        job = told[key]
        assert {str(path) for path in job.makes} <= files(entries, "output"), key
        assert str(job.log(benchmark)) == entries["log"]
        assert str(job.times(benchmark)) == entries["benchmark"]
        assert job.priority == int(entries.get("priority", 0)), key
        assert job.on_gpu == ("gpu=1" in entries["resources"]), key
    assert {key[0] for key in planned if told[key].on_gpu} == set(ON_GPU)


def test_each_needs_the_same_others(planned, told):
    makers = {file: key for key, entries in planned.items() for file in files(entries, "output")}
    for key, entries in planned.items():
        if key[0] != "collect":
            assert set(told[key].needs) == {makers[f] for f in files(entries, "input") if f in makers}, key


def test_a_job_stands_after_those_that_it_needs(told):
    seen = set()
    for key, job in told.items():
        assert seen >= set(job.needs), key
        seen.add(key)


@pytest.mark.parametrize(("attempt", "memory"), [(2, 8000), (11, 16000)])
def test_a_further_try_asks_for_more_memory_but_not_for_ever(project, attempt, memory):
    judge = "results/smoke/judges/ixi_phantom_tiny/autoencoder-GE-PL/fold-0"
    command = ["snakemake", "--dry-run", "--cores", "1", "--configfile", "config/smoke.yaml", "--attempt", str(attempt)]
    block = call(project, *command, "--", judge).partition("rule autoencoder:")[2]
    assert f"mem_mb={memory}," in block.partition("\n\n")[0]
