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
        runtime=runtime(CONFIG.limits.train_minutes),
        gpu=GPU,
    params:
        config=RESOLVED,
        code=cell_code("benchmark.pipeline.training:train_cell"),
        settings=lambda wildcards: training_settings(
            CONFIG, DATASETS[wildcards.dataset], wildcards.method
        ),
    shell:
        "python -m benchmark step train {params.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " {wildcards.method} {wildcards.seed} --gpu {resources.gpu} > {log} 2>&1"


# Methods that no rule trains are fitted here first, if there is anything to fit.
rule harmonize:
    input:
        slices=rules.collect.output.slices,
        truth=rules.collect.output.truth,
        splits=rules.split.output.splits,
        trained=trained_files,
    output:
        images=cell_pattern("harmonized"),
        record=cell_pattern("harmonize_run"),
    log:
        f"{LOGS}/harmonize/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/benchmarks/harmonize/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=runtime(CONFIG.limits.harmonize_minutes),
        gpu=lambda wildcards: GPU if trained_files(wildcards) else 0,
    params:
        config=RESOLVED,
        code=cell_code("benchmark.pipeline.harmonization:harmonize_cell"),
        settings=lambda wildcards: training_settings(
            CONFIG, DATASETS[wildcards.dataset], wildcards.method
        ),
    shell:
        "python -m benchmark step harmonize {params.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " {wildcards.method} {wildcards.seed} --gpu {resources.gpu} > {log} 2>&1"
