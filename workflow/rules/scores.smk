# What all cells of a pair and fold share, the scores of each cell, and those of the whole benchmark.

METRICS = [f"benchmark.metrics.{name}" for name in CONFIG.metrics]

REFERENCE_ROWS = str(paths.reference_rows(BENCHMARK, "{dataset}", "{pair}", "{fold}"))
SCORE_TABLES = [
    *(paths.reference_rows(BENCHMARK, *place) for place in judged(CONFIG)),
    *(cell.scores for cell in all_cells()),
]


rule reference:
    input:
        segmentors=lambda wildcards: [
            str(
                paths.segmentor(
                    BENCHMARK, wildcards.dataset, domain, int(wildcards.fold)
                )
            )
            for domain in wildcards.pair.split("-")
        ],
        autoencoder=rules.autoencoder.output.model,
        slices=rules.collect.output.slices,
        splits=rules.split.output.splits,
    output:
        rows=REFERENCE_ROWS,
        checksum=f"{REFERENCE_ROWS}.sha256",
        images=str(paths.real_images(BENCHMARK, "{dataset}", "{pair}", "{fold}")),
    log:
        f"{LOGS}/reference/{{dataset}}-{{pair}}-{{fold}}.log",
    benchmark:
        f"{LOGS}/benchmarks/reference/{{dataset}}-{{pair}}-{{fold}}.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=GPU,
    params:
        config=RESOLVED,
        code=code_digest("benchmark.pipeline.real_images:judge_real_images", *METRICS),
        settings=score_settings,
    shell:
        "python -m benchmark step reference {params.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " --gpu {resources.gpu} > {log} 2>&1"


rule score:
    input:
        harmonized=rules.harmonize.output.images,
        record=rules.harmonize.output.record,
        trained=trained_files,
        real_images=rules.reference.output.images,
        segmentor=lambda wildcards: str(
            paths.segmentor(
                BENCHMARK,
                wildcards.dataset,
                wildcards.pair.split("-")[1],
                int(wildcards.fold),
            )
        ),
        autoencoder=rules.autoencoder.output.model,
        slices=rules.collect.output.slices,
        truth=rules.collect.output.truth,
        splits=rules.split.output.splits,
    output:
        scores=cell_pattern("scores"),
        checksum=str(checksum_file(Path(cell_pattern("scores")))),
        artifacts=cell_pattern("artifacts"),
    log:
        f"{LOGS}/score/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/benchmarks/score/{{dataset}}-{{pair}}-{{fold}}-{{method}}-{{seed}}.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=runtime(CONFIG.limits.score_minutes),
        gpu=GPU,
    params:
        config=RESOLVED,
        code=code_digest("benchmark.pipeline.scoring:score_cell", *METRICS),
        settings=score_settings,
    shell:
        "python -m benchmark step score {params.config} {wildcards.dataset} {wildcards.pair} {wildcards.fold}"
        " {wildcards.method} {wildcards.seed} --gpu {resources.gpu} > {log} 2>&1"


rule gather:
    input:
        tables=[str(f) for t in SCORE_TABLES for f in (t, checksum_file(t))],
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
        code=code_digest("benchmark.pipeline.leaderboard:gather", *METRICS),
    shell:
        "python -m benchmark step gather {params.config} > {log} 2>&1"
