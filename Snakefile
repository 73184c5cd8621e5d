# The harmonization benchmark: data → judges and methods → harmonized test slices → scores → tables, figures, page.
#
#   snakemake --cores all                                        the demo, on phantoms
#   snakemake --cores all --configfile config/open.yaml          freely available real images
#   snakemake --cores all --configfile config/paper.yaml         the paper
#   snakemake quality --cores all                                sheets and flags of the prepared subjects

from snakemake.utils import min_version

min_version("9.17")

# Only without --configfile: Snakemake would merge the demo into the given config.
if not workflow.configfiles:

    configfile: "config/demo.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/judges.smk"
include: "workflow/rules/methods.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/report.smk"


with reported_errors():
    if workflow.is_main_process:
        refuse_unusable(written_folders())
        # What Snakemake plans with is kept there by a dry run, and removed by anything else.
        planned_with = Path(".snakemake/iocache")
        needed = workflow.output_settings.dryrun or read_only(Path())
        refuse_unusable([planned_with], writing=needed)


rule all:
    default_target: True
    input:
        rules.page.output.index,
        rules.gather.output,
        rules.tables.output,
        rules.figures.output,


# What a person looks through before training; no number of the benchmark depends on it.
rule quality:
    input:
        [str(paths.quality(dataset)) for dataset in CONFIG.datasets],


onstart:
    if workflow.resource_settings.nodes is None:
        # With a rate limit, Snakemake looks for jobs a second after each time that it did, and after each job once more:
        # after a hundred jobs, looking takes a fifth of a core (github.com/snakemake/snakemake/issues/2967).
        workflow.scheduler.job_rate_limiter = None
    with reported_errors():
        hold_run_lock()
        refuse_unusable(written_folders(), writing=True)
        if workflow.executor_plugin.name == "slurm":
            refuse_jobs_left()
        kept = CONFIG.model_copy(update={"digests": DIGESTS})
        write_atomically(Path(RESOLVED), kept.model_dump_json(indent=1) + "\n")


onsuccess:
    # Of an unfinished training, checkpoints are all that is left, so no job removes them.
    done = [job for job in workflow.dag.jobs if job.rule.name in TRAININGS]
    discard(BENCHMARK, *(Path(job.output.model) for job in done))
    print_summary()
