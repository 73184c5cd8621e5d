# Scores of all cells of a pair and fold, then of the whole benchmark.


rule score:
    input:
        harmonized=lambda wildcards: cell_files("harmonized", wildcards),
        records=lambda wildcards: cell_files("harmonize_run", wildcards),
        trained=trained_files,
        segmentors=lambda wildcards: [
            str(
                paths.segmentor(
                    BENCHMARK, wildcards.dataset, domain, int(wildcards.fold)
                )
            )
            for domain in wildcards.pair.split("-")
        ],
        autoencoder=lambda wildcards: str(
            paths.autoencoder(
                BENCHMARK, wildcards.dataset, wildcards.pair, int(wildcards.fold)
            )
        ),
        slices=rules.collect.output.slices,
        truth=rules.collect.output.truth,
        splits=rules.split.output.splits,
    output:
        reference=multiext(
            f"{paths.benchmark_root(BENCHMARK)}/cells/{{dataset}}/{{pair}}/fold-{{fold}}/reference.csv",
            "",
            ".sha256",
        ),
        cells=scored_files(),
    log:
        f"{LOGS}/score/{{dataset}}-{{pair}}-{{fold}}.log",
    benchmark:
        f"{LOGS}/benchmarks/score/{{dataset}}-{{pair}}-{{fold}}.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=480,
        gpu=GPU,
    params:
        config=RESOLVED,
        code=code_digest(
            "benchmark.pipeline.scoring:score_pair",
            *(f"benchmark.metrics.{name}" for name in CONFIG.metrics),
        ),
        settings=lambda wildcards: settings(
            CONFIG.kernels,
            CONFIG.metrics,
            list(CONFIG.methods),
            list(CONFIG.seeds),
            scored_as(DATASETS[wildcards.dataset]),
        ),
    shell:
        "python -m benchmark step score {params.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " --gpu {resources.gpu} > {log} 2>&1"


rule gather:
    input:
        references=[
            f"{paths.pair_root(BENCHMARK, *place)}/reference.csv{ending}"
            for place in judged(CONFIG)
            for ending in ("", ".sha256")
        ],
        scores=[
            str(f) for c in all_cells() for f in (c.scores, checksum_file(c.scores))
        ],
    output:
        scores=str(paths.scores(BENCHMARK)),
        scores_checksum=str(checksum_file(paths.scores(BENCHMARK))),
        leaderboard_checksum=str(checksum_file(paths.leaderboard(BENCHMARK))),
        leaderboard=report(
            str(paths.leaderboard(BENCHMARK)),
            caption="../report/leaderboard.rst",
            category="Leaderboard",
        ),
    log:
        f"{LOGS}/gather.log",
    benchmark:
        f"{LOGS}/benchmarks/gather/all.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        gpu=0,
    params:
        config=RESOLVED,
        settings=report_settings(),
        code=code_digest(
            "benchmark.pipeline.leaderboard:gather",
            *(f"benchmark.metrics.{name}" for name in CONFIG.metrics),
        ),
    shell:
        "python -m benchmark step gather {params.config} > {log} 2>&1"
