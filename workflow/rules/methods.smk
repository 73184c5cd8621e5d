# One cell: a method trained on a pair, fold and seed, and the test slices that it harmonizes.


rule train:
    input:
        slices=rules.collect.output.slices,
        splits=rules.split.output.splits,
    output:
        model=directory(cell_pattern("model")),
        history=cell_pattern("history"),
        run=cell_pattern("run"),
    log:
        f"{LOGS}/train/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/benchmarks/train/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.tsv"
    wildcard_constraints:
        method="|".join(LEARNED) or "none",
    priority: PRIORITIES["train"]
    retries: RETRIES
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=growing(demand_of_training),
        runtime=2880,
        gpu=GPU,
    params:
        config=RESOLVED,
        code=lambda wildcards: code_digest(
            "benchmark.pipeline.cell:train_cell", f"methods.{wildcards.method}"
        ),
        settings=lambda wildcards: training_settings(
            CONFIG, DATASETS[wildcards.dataset], wildcards.method
        ),
    shell:
        "python -m benchmark step train {params.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " {wildcards.method} {wildcards.seed} --gpu {resources.gpu} > {log} 2>&1"


# Methods that no rule trains: each is fitted here, if there is anything to fit.
rule harmonize:
    input:
        slices=rules.collect.output.slices,
        truth=rules.collect.output.truth,
        splits=rules.split.output.splits,
    output:
        images=cell_pattern("harmonized"),
        record=cell_pattern("record"),
    log:
        f"{LOGS}/harmonize/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/benchmarks/harmonize/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.tsv"
    wildcard_constraints:
        method="|".join(set(KIND) - set(LEARNED)) or "none",
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=0,
    params:
        config=RESOLVED,
        code=lambda wildcards: code_digest(
            "benchmark.pipeline.cell:harmonize_cell", f"methods.{wildcards.method}"
        ),
        settings=lambda wildcards: training_settings(
            CONFIG, DATASETS[wildcards.dataset], wildcards.method
        ),
    shell:
        "python -m benchmark step harmonize {params.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " {wildcards.method} {wildcards.seed} > {log} 2>&1"


# Trained methods together, as they are scored: loading PyTorch takes longer than translating.
if LEARNED:

    rule harmonize_trained:
        input:
            slices=rules.collect.output.slices,
            splits=rules.split.output.splits,
            trained=trained_files,
        output:
            cells=cell_files_of(LEARNED, "harmonized", "harmonize_run"),
        log:
            f"{LOGS}/harmonize_trained/{{dataset}}-{{pair}}-{{fold}}.log",
        benchmark:
            f"{LOGS}/benchmarks/harmonize_trained/{{dataset}}-{{pair}}-{{fold}}.tsv"
        conda:
            "../envs/benchmark.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=240,
            gpu=GPU,
        params:
            config=RESOLVED,
            code=code_digest(
                "benchmark.pipeline.cell:harmonize_trained",
                *(f"methods.{m}" for m in LEARNED),
            ),
            settings=lambda wildcards: [
                training_settings(CONFIG, DATASETS[wildcards.dataset], method)
                for method in LEARNED
            ],
        shell:
            "python -m benchmark step harmonize-trained {params.config} {wildcards.dataset} {wildcards.pair}"
            " {wildcards.fold} --gpu {resources.gpu} > {log} 2>&1"
