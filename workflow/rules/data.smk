# Archive → manifest → inventory → splits → prepared subjects → slice store; on demand, sheets and flags of the subjects.
# On a cluster, the memory of a job of these and all rules holds two processes of Snakemake too (docs/cluster.md).


rule fetch:
    input:
        stated_by=stated_by(paths.manifest),
    output:
        manifest="data/prepared/{dataset}/manifest.json",
    log:
        f"{LOGS}/fetch/{{dataset}}.log",
    benchmark:
        f"{LOGS}/benchmarks/fetch/{{dataset}}.tsv"
    priority: PRIORITIES["fetch"]
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        dvc=1,
        # One process of the largest phantom, MS-SEG at full size; more run where cores and memory are left over.
        mem_mb=4500,
        runtime=600,
        gpu=0,
    params:
        # The hash that DVC states: another version of the data is fetched, the same one never again.
        pin=lambda wildcards: pin(wildcards.dataset),
        pseudonyms=lambda wildcards: load_dataset(wildcards.dataset).pseudonyms,
    shell:
        "python -m benchmark step fetch {wildcards.dataset} > {log} 2>&1"


checkpoint inventory:
    input:
        # The archive itself is DVC's; a fresh pull changes its times and not its contents.
        manifest=rules.fetch.output.manifest,
        stated_by=stated_by(paths.inventory),
    output:
        inventory="data/prepared/{dataset}/inventory.json",
    log:
        f"{LOGS}/inventory/{{dataset}}.log",
    benchmark:
        f"{LOGS}/benchmarks/inventory/{{dataset}}.tsv"
    priority: PRIORITIES["inventory"]
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
        gpu=0,
    params:
        settings=lambda wildcards: inventory_settings(load_dataset(wildcards.dataset)),
        code=lambda wildcards: code_digest(
            "benchmark.archives.inventory:take_inventory", reader_module(wildcards)
        ),
    shell:
        "python -m benchmark step inventory {wildcards.dataset} > {log} 2>&1"


rule split:
    input:
        inventory=rules.inventory.output.inventory,
    output:
        splits="data/prepared/{dataset}/splits/{pair}.json",
    log:
        f"{LOGS}/split/{{dataset}}-{{pair}}.log",
    benchmark:
        f"{LOGS}/benchmarks/split/{{dataset}}-{{pair}}.tsv"
    priority: PRIORITIES["split"]
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
        gpu=0,
    params:
        settings=split_settings,
        code=code_digest("benchmark.archives.inventory:split_subjects"),
    shell:
        "python -m benchmark step split {wildcards.dataset} {wildcards.pair} > {log} 2>&1"


rule prepare:
    input:
        # Their entries of this subject are a parameter; a change of another subject must not prepare this one again.
        # Only inputs of the checkpoint may stand here: before the checkpoint has run, Snakemake does not see changed
        # parameters of a job whose ancient() input is still to be made. Paths, because ancient() around a rule's output
        # would mark that output for all rules.
        manifest=ancient("data/prepared/{dataset}/manifest.json"),
        inventory=inventory_to_prepare,
    output:
        subject=directory("data/prepared/{dataset}/subjects/{subject}"),
    log:
        f"{LOGS}/prepare/{{dataset}}-{{subject}}.log",
    benchmark:
        f"{LOGS}/benchmarks/prepare/{{dataset}}-{{subject}}.tsv"
    priority: PRIORITIES["prepare"]
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
        gpu=0,
    params:
        code=lambda wildcards: code_digest(
            "benchmark.preparation.prepare:prepare_subject", reader_module(wildcards)
        ),
        settings=preparation_settings,
        subject=subject_settings,
    shell:
        "python -m benchmark step prepare {wildcards.dataset} {wildcards.subject} > {log} 2>&1"


rule collect:
    input:
        inventory=inventory_to_collect,
        subjects=prepared_subjects,
    output:
        slices="data/prepared/{dataset}/slices.h5",
        truth="data/prepared/{dataset}/truth.h5",
    log:
        f"{LOGS}/collect/{{dataset}}.log",
    benchmark:
        f"{LOGS}/benchmarks/collect/{{dataset}}.tsv"
    priority: PRIORITIES["collect"]
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
        gpu=0,
    params:
        code=code_digest("benchmark.preparation.collect:collect"),
    shell:
        "python -m benchmark step collect {wildcards.dataset} > {log} 2>&1"


rule inspect:
    input:
        # Its time counts: an excluded subject is no longer an input, and the others did not change.
        inventory=rules.inventory.output.inventory,
        subjects=prepared_subjects,
        texts=QUALITY_TEXTS,
    output:
        directory("reports/quality/{dataset}"),
    log:
        f"{LOGS}/inspect/{{dataset}}.log",
    benchmark:
        f"{LOGS}/benchmarks/inspect/{{dataset}}.tsv"
    conda:
        "../envs/benchmark.yaml"
    # Loading Python takes as long as a few sheets: one job draws them all, side by side.
    threads: 4
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        settings=inspection_settings,
        code=code_digest("benchmark.reporting.quality.report:make_quality"),
    shell:
        "python -m benchmark step inspect {wildcards.dataset} {threads} > {log} 2>&1"
