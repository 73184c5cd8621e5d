# The networks that score cells. They see training subjects only, and no cell.


rule segmentor:
    input:
        slices=rules.collect.output.slices,
        splits=splits_of_domain,
    output:
        model=directory(
            f"{paths.benchmark_root(BENCHMARK)}/judges/{{dataset}}/segmentor-{{domain}}/fold-{{fold}}"
        ),
    log:
        f"{LOGS}/segmentor/{{dataset}}-{{domain}}-{{fold}}.log",
    benchmark:
        f"{LOGS}/benchmarks/segmentor/{{dataset}}-{{domain}}-{{fold}}.tsv"
    priority: PRIORITIES["segmentor"]
    retries: RETRIES
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        # At the paper's size it took 2 GiB.
        mem_mb=growing(lambda dataset: resources.SMALLEST),
        runtime=720,
        gpu=GPU,
    params:
        config=RESOLVED,
        code=code_digest("benchmark.judges.segmentor:train_segmentor"),
        settings=lambda wildcards: judge_settings(
            CONFIG, DATASETS[wildcards.dataset], "segmentor"
        ),
    shell:
        "python -m benchmark step segmentor {params.config} {wildcards.dataset} {wildcards.domain} {wildcards.fold}"
        " --gpu {resources.gpu} > {log} 2>&1"


rule autoencoder:
    input:
        slices=rules.collect.output.slices,
        splits=rules.split.output.splits,
    output:
        model=directory(
            f"{paths.benchmark_root(BENCHMARK)}/judges/{{dataset}}/autoencoder-{{pair}}/fold-{{fold}}"
        ),
    log:
        f"{LOGS}/autoencoder/{{dataset}}-{{pair}}-{{fold}}.log",
    benchmark:
        f"{LOGS}/benchmarks/autoencoder/{{dataset}}-{{pair}}-{{fold}}.tsv"
    priority: PRIORITIES["autoencoder"]
    retries: RETRIES
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=growing(demand_of_autoencoder),
        runtime=720,
        gpu=GPU,
    params:
        config=RESOLVED,
        code=code_digest("benchmark.judges.autoencoder:train_autoencoder"),
        settings=lambda wildcards: judge_settings(
            CONFIG, DATASETS[wildcards.dataset], "autoencoder"
        ),
    shell:
        "python -m benchmark step autoencoder {params.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " --gpu {resources.gpu} > {log} 2>&1"
