# One cell: a method trained on a pair, fold and seed, and the test slices that it harmonizes.


rule train:
    input:
        config=ancient(RESOLVED),
        slices=rules.collect.output.slices,
        splits="data/prepared/{dataset}/splits",
        code=lambda wildcards: code_behind("benchmark.cells", f"methods.{wildcards.method}"),
    output:
        model=directory(cell_pattern("model")),
        history=cell_pattern("history"),
        run=cell_pattern("run"),
    params:
        settings=training_settings,
    wildcard_constraints:
        method="|".join(LEARNED) or "none",
    log:
        f"{LOGS}/train/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/benchmarks/train/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=2880,
        gpu=GPU,
    shell:
        "python -m benchmark step train {input.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " {wildcards.method} {wildcards.seed} > {log} 2>&1"


rule harmonize:
    input:
        config=ancient(RESOLVED),
        slices=rules.collect.output.slices,
        truth=rules.collect.output.truth,
        splits="data/prepared/{dataset}/splits",
        model=lambda wildcards: trained_model(wildcards),
        code=lambda wildcards: code_behind("benchmark.cells", f"methods.{wildcards.method}"),
    output:
        images=cell_pattern("harmonized"),
    params:
        settings=training_settings,
    log:
        f"{LOGS}/harmonize/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/benchmarks/harmonize/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=lambda wildcards: GPU if wildcards.method in LEARNED else 0,
    shell:
        "python -m benchmark step harmonize {input.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " {wildcards.method} {wildcards.seed} > {log} 2>&1"
