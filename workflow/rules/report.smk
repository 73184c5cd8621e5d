# Tables, figures and the page.

# What the report says in words and how it looks: templates and captions.
REPORT_TEXTS = sorted(
    map(
        str,
        [*Path("reports/templates").glob("*"), *Path("workflow/report").glob("*.rst")],
    )
)
REPORT_TEXTS.remove("reports/templates/quality.html")


rule tables:
    input:
        gathered=rules.gather.output,
        inventories=[
            f"data/prepared/{dataset}/inventory.json" for dataset in CONFIG.datasets
        ],
        texts=REPORT_TEXTS,
        published="benchmark/reporting/published/paper.csv",
        claims="config/claims.yaml",
    output:
        **reported(table_files(CONFIG)),
    log:
        f"{LOGS}/tables.log",
    benchmark:
        f"{LOGS}/benchmarks/tables/all.tsv"
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
        code=code_digest("benchmark.reporting.tables:make_tables"),
    shell:
        "python -m benchmark step tables {params.config} > {log} 2>&1"


rule figures:
    input:
        gathered=rules.gather.output,
        slices=[f"data/prepared/{dataset}/slices.h5" for dataset in CONFIG.datasets],
        splits=sorted(
            {str(paths.splits(dataset, pair)) for dataset, pair, _ in judged(CONFIG)}
        ),
        images=[str(f) for c in all_cells() for f in (c.harmonized, c.artifacts)],
        histories=[str(cell.history) for cell in all_cells() if trained(cell)],
    output:
        **reported(figure_files(CONFIG)),
    log:
        f"{LOGS}/figures.log",
    benchmark:
        f"{LOGS}/benchmarks/figures/all.tsv"
    conda:
        "../envs/benchmark.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
        gpu=0,
    params:
        config=RESOLVED,
        settings=report_settings(),
        code=code_digest("benchmark.reporting.figures:make_figures"),
    shell:
        "python -m benchmark step figures {params.config} > {log} 2>&1"


rule page:
    input:
        tables=rules.tables.output,
        figures=rules.figures.output,
        gathered=rules.gather.output,
        texts=REPORT_TEXTS,
    output:
        index=f"{paths.report(BENCHMARK)}/index.html",
    log:
        f"{LOGS}/page.log",
    benchmark:
        f"{LOGS}/benchmarks/page/all.tsv"
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
        code=code_digest("benchmark.reporting.page:make_page"),
    shell:
        "python -m benchmark step page {params.config} > {log} 2>&1"
