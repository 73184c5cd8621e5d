# Shared by the rules: the checked config, the cells it asks for, and helper functions. There are no rules here.

import json
import math
import sys
import time
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir)))

from benchmark.pipeline import resources
from benchmark.runtime import paths
from benchmark.cli import reported_errors
from benchmark.pipeline.resolve import load_benchmark
from benchmark.config.load import load_dataset, read_yaml
from benchmark.archives.retrieval.fetch import pin
from benchmark.archives.outdated import (
    holds_others,
    inventory_settings,
    made_of_others,
    outdated,
    refuse_kept,
    sources,
)
from benchmark.data.splits import any_pair
from benchmark.runtime.code_digest import code_digest as digest
from benchmark.runtime.devices import gpus
from benchmark.pipeline.folders import (
    folders_of,
    read_only,
    refuse_braces,
    refuse_future,
    refuse_unusable,
)
from benchmark.pipeline.jobs import PRIORITIES, TRAININGS
from benchmark.runtime.interpreter import put_own_python_first
from benchmark.config.cells import cells_of, judged
from benchmark.reporting.files import figure_files, table_files
from benchmark.pipeline.run_lock import hold_run_lock, refuse_jobs_left
from benchmark.runtime.checksums import checksum_file
from benchmark.training.resuming import discard
from benchmark.training.settings import judge_settings, settings, training_settings
from benchmark.runtime.atomic import write_atomically

# Called for every job; the answers do not change while this process plans.
load_dataset, pin = cache(load_dataset), cache(pin)

STARTED, BEGUN = time.time(), time.monotonic()
put_own_python_first()


def report_outdated():
    """Says which manifests and inventories no longer hold, and refuses those that Snakemake would keep."""
    for name, dataset in DATASETS.items():
        for path, reason in outdated(dataset, PINS[name]):
            refuse_kept(path, reason, sources(dataset))
            print(f"{path}: {reason}; it is made again", file=sys.stderr)


with reported_errors():
    refuse_braces(Path(workflow.basedir))
    if workflow.is_main_process:
        # All that rules read and write, but for archives, whose times no rule looks at. Benchmark files count as outputs.
        refuse_future(
            [
                paths.PREPARED,
                paths.RESULTS,
                paths.REPORTS,
                paths.LOGS,
                Path("workflow/report"),
            ]
        )
    for path in workflow.configfiles:
        read_yaml(
            Path(path)
        )  # refuses repeated keys, of which Snakemake takes the last
    CONFIG = load_benchmark(dict(config), " + ".join(map(str, workflow.configfiles)))
    DATASETS = {name: load_dataset(name) for name in CONFIG.datasets}
    # Read here and not by a function of a rule, so that a damaged file of DVC gives one plain message.
    PINS = {name: pin(name) for name in DATASETS}
    if workflow.is_main_process:
        report_outdated()

BENCHMARK = CONFIG.benchmark
# Digests of the code behind rules, by entry points. Those of the last run hold while no source file changes.
DIGESTS = dict(CONFIG.digests)
# Templates of the pages on the quality of prepared subjects.
QUALITY_TEXTS = ["reports/templates/quality.html", "reports/templates/style.css"]
# Written before the first job and not by a rule: Snakemake would overlook changed settings of all rules that depend on
# its output through ancient().
RESOLVED = str(paths.resolved(BENCHMARK))
LOGS = f"{paths.LOGS}/{BENCHMARK}"
# A training takes a GPU if there is one (benchmark/runtime/devices.py assigns them); --resources may set their number. A
# cluster, where --jobs sets the nodes, counts GPUs itself: the machine that submits usually has none.
with reported_errors():
    GPUS = len(gpus())
GPU = min(1, GPUS)
if workflow.resource_settings.nodes is None and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", max(1, GPUS))
# A training that was killed or ran out of memory resumes from its checkpoint. A job of a cluster is itself a call of
# Snakemake, which must not retry within the memory and the remaining time of that job.
RETRIES = 2 if workflow.is_main_process else 0
KIND = {name: card.kind for name, card in CONFIG.cards.items()}
LEARNED = [name for name, kind in KIND.items() if kind == "learned"]


def code_digest(*entries):
    """Digest of the code that the entry points reach."""
    key = " ".join(entries)
    if key not in DIGESTS:
        DIGESTS[key] = digest(*entries)
    return DIGESTS[key]


def written_folders():
    """Folders that the benchmark's jobs write to, apart from data; complete once all rules are read."""
    roots = [
        parent / BENCHMARK for parent in (paths.RESULTS, paths.REPORTS, paths.LOGS)
    ]
    products = (str(path) for rule in workflow.rules for path in rule.products())
    checkpoints = paths.checkpoints(BENCHMARK, paths.benchmark_root(BENCHMARK))
    return [*roots, checkpoints, *folders_of(products, roots)]


def growing(of_dataset):
    """Memory of a job: twice as much for the second attempt, four times for later ones.

    With a GPU, the networks are in its memory, and the rest of the job is small.
    """

    def megabytes(wildcards, attempt):
        dataset = DATASETS[wildcards.dataset]
        first = resources.SMALLEST if GPU else of_dataset(dataset)
        return first * min(2 ** (attempt - 1), 4)

    return megabytes


def demand_of_training(dataset):
    crops = CONFIG.datasets[dataset.name].training or dataset.training
    return resources.training(CONFIG.training.width, crops.crop, crops.batch_size)


def demand_of_autoencoder(dataset):
    judge, crops = (
        CONFIG.judges.autoencoder,
        CONFIG.datasets[dataset.name].training or dataset.training,
    )
    shape = crops.crop if judge.crop == "dataset" else dataset.preparation.grid_size
    return resources.autoencoder(
        judge.width, shape, judge.batch_size, recompute=judge.recompute
    )


wildcard_constraints:
    dataset="[a-z0-9_]+",
    subject="[A-Za-z0-9_.-]+",
    domain="[A-Z0-9]+",
    pair="[A-Z0-9]+-[A-Z0-9]+",
    fold=r"\d+",
    method="[a-z0-9_]+",
    seed=r"\d+",


def all_cells():
    """Every cell of the benchmark."""
    return [cell for place in judged(CONFIG) for cell in cells_of(CONFIG, *place)]


def trained(cell):
    """Whether a rule of its own trains the cell."""
    return CONFIG.cards[cell.method].is_trained_on(DATASETS[cell.dataset].label_kind)


def trained_files(wildcards):
    """What the training of a cell left; nothing where there is none."""
    source, target = wildcards.pair.split("-")
    cell = paths.Cell(
        BENCHMARK,
        wildcards.dataset,
        source,
        target,
        int(wildcards.fold),
        wildcards.method,
        int(wildcards.seed),
    )
    return [str(cell.model), str(cell.run)] if trained(cell) else []


def splits_of_domain(wildcards):
    """The splits that say which subjects of a domain are trained on."""
    pair = any_pair(DATASETS[wildcards.dataset], wildcards.domain)
    return str(paths.splits(wildcards.dataset, pair))


def cell_pattern(part):
    """Path of a cell's file with wildcards."""
    cell = paths.Cell(
        BENCHMARK, "{dataset}", "{source}", "{target}", "{fold}", "{method}", "{seed}"
    )
    return str(getattr(cell, part)).replace("{source}-{target}", "{pair}")


def cell_code(module):
    """Digest of the code that does something with a cell, and of its method."""
    return lambda wildcards: code_digest(module, f"methods.{wildcards.method}")


def runtime(limit):
    """Minutes that a job asks for, whose work is ended after so many."""
    return math.ceil(limit) + 60


def inventory_of(wildcards):
    """What the inventory says of each subject of a dataset; read again whenever it was written anew."""
    inventory = checkpoints.inventory.get(dataset=wildcards.dataset).output.inventory
    return read_inventory(inventory, Path(inventory).stat().st_mtime_ns)


@cache
def read_inventory(path, _written):
    return json.loads(Path(path).read_text())["subjects"]


def stated_by(made):
    """What a manifest or inventory is made by, whose times count if it no longer holds.

    Args:
        made: its path by dataset, a function of benchmark.runtime.paths.
    """

    def files(wildcards):
        dataset = load_dataset(wildcards.dataset)
        old = [path for path, _ in outdated(dataset, pin(dataset.name))]
        found = map(str, sources(dataset))
        return list(found if made(dataset.name) in old else map(ancient, found))

    return files


def inventory_to_prepare(wildcards):
    """The inventory; its time counts if the subject was prepared from other files, or for other scanners."""
    path = str(paths.inventory(wildcards.dataset))
    changed = made_of_others(wildcards.dataset, wildcards.subject)
    return path if changed else ancient(path)


def inventory_to_collect(wildcards):
    """The inventory; its time counts if the slices are of other subjects."""
    path = str(paths.inventory(wildcards.dataset))
    return path if holds_others(wildcards.dataset) else ancient(path)


def prepared_subjects(wildcards):
    """Every prepared subject of a dataset."""
    return [str(paths.subject(wildcards.dataset, s)) for s in inventory_of(wildcards)]


def scored_as(dataset):
    """The part of a dataset's config that scores depend on; what its slices depend on reruns everything anyway."""
    return dataset.model_dump(
        mode="json", include={"labels", "lesions", "fid", "phantom", "domains"}
    )


def score_settings(wildcards):
    """What scores depend on of the configs, apart from the images."""
    return settings(
        CONFIG.kernels, CONFIG.metrics, scored_as(DATASETS[wildcards.dataset])
    )


def split_settings(wildcards):
    dataset = load_dataset(wildcards.dataset)
    return settings(dataset.split, dataset.name)


def report_settings():
    """All configs but for the ids that datasets leave out: `snakemake --report` shows its rules' parameters."""
    shown = (d.model_dump(mode="json", exclude={"exclude"}) for d in DATASETS.values())
    return settings(
        CONFIG.model_dump(mode="json", exclude={"checked_with", "digests"}), *shown
    )


def preparation_settings(wildcards):
    dataset = load_dataset(wildcards.dataset)
    return settings(dataset.reader, dataset.preparation, dataset.labels)


def subject_settings(wildcards):
    """What a subject's preparation depends on: the content of its files, and the scanners whose truth is wanted."""
    # A subject that is not in the inventory is refused by the step itself.
    return settings(inventory_of(wildcards).get(wildcards.subject))


def inspection_settings(wildcards):
    """The part of a dataset's config that is drawn or written; the rest decides what prepared subjects are like."""
    dataset = load_dataset(wildcards.dataset)
    return settings(
        dataset.model_dump(
            mode="json", include={"title", "domains", "labels", "exclude"}
        )
    )


def print_summary():
    """Where the time of this run went, which methods failed, and where the results are."""
    from benchmark.reporting.timings import print_table
    from benchmark.results import scores

    print_table(
        BENCHMARK,
        since=STARTED,
        wall_seconds=time.monotonic() - BEGUN,
        cores=workflow.resource_settings.cores,
    )
    if (
        table := paths.scores(BENCHMARK)
    ).is_file() and table.stat().st_mtime >= STARTED:
        for failure in scores.failures(scores.read(table)):
            print(failure)
    inspected = [paths.quality(name) / "index.html" for name in DATASETS]
    new = [p for p in inspected if p.is_file() and p.stat().st_mtime >= STARTED]
    for page in new or [Path(rules.page.output.index)]:
        if page.is_file():
            print(f"Open {page.absolute()}")


def reader_module(wildcards):
    return f"benchmark.archives.readers.{load_dataset(wildcards.dataset).reader}"


def reported(files):
    """Outputs of a rule; what `snakemake --report` shows carries its caption and labels."""
    outputs = {}
    for f in files:
        path = str(f.path)
        if f.caption:
            path = report(
                path,
                caption=f"../report/{f.caption}",
                category=f.category,
                labels=dict(f.labels),
            )
        outputs[f.name] = path
    return outputs
