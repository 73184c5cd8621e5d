# The networks that score cells. They see training subjects only, and no cell.


rule resolve:
    output:
        config=RESOLVED,
    log:
        f"{LOGS}/resolve.log",
    benchmark:
        f"{LOGS}/benchmarks/resolve/config.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
        gpu=0,
    params:
        config=CONFIG.model_dump_json(),
    shell:
        "python -m benchmark step resolve {params.config:q} {output.config} > {log} 2>&1"


rule segmentor:
    input:
        config=ancient(RESOLVED),
        slices=rules.collect.output.slices,
        splits="data/prepared/{dataset}/splits",
    output:
        model=directory(
            f"{layout.benchmark_root(BENCHMARK)}/judges/{{dataset}}/segmentor-{{domain}}/fold-{{fold}}"
        ),
    log:
        f"{LOGS}/segmentor/{{dataset}}-{{domain}}-{{fold}}.log",
    benchmark:
        f"{LOGS}/benchmarks/segmentor/{{dataset}}-{{domain}}-{{fold}}.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
        gpu=GPU,
    params:
        code=code_digest("benchmark.judges.segmentor"),
        settings=lambda wildcards: judge_settings("segmentor", wildcards),
    shell:
        "python -m benchmark step segmentor {input.config} {wildcards.dataset} {wildcards.domain} {wildcards.fold}"
        " > {log} 2>&1"


rule autoencoder:
    input:
        config=ancient(RESOLVED),
        slices=rules.collect.output.slices,
        splits="data/prepared/{dataset}/splits",
    output:
        model=directory(
            f"{layout.benchmark_root(BENCHMARK)}/judges/{{dataset}}/autoencoder-{{pair}}/fold-{{fold}}"
        ),
    log:
        f"{LOGS}/autoencoder/{{dataset}}-{{pair}}-{{fold}}.log",
    benchmark:
        f"{LOGS}/benchmarks/autoencoder/{{dataset}}-{{pair}}-{{fold}}.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
        gpu=GPU,
    params:
        code=code_digest("benchmark.judges.autoencoder"),
        settings=lambda wildcards: judge_settings("autoencoder", wildcards),
    shell:
        "python -m benchmark step autoencoder {input.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " > {log} 2>&1"
