"""``hbench data``: archives, before anything is computed of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import layout

if TYPE_CHECKING:
    from benchmark.data.check import Report

_FILE_WIDTH = 120  # columns, where the output is no terminal
app = typer.Typer(help="Archives as their owners distribute them.", no_args_is_help=True)


@app.command()
def check(
    dataset: Annotated[str, typer.Argument(help="name of a config in config/datasets, such as ixi")],
    path: Annotated[
        Path | None, typer.Argument(help="the archive, packed or unpacked; by default data/raw/<dataset>")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    voxels: Annotated[bool, typer.Option("--voxels", help="read every voxel too, not only headers")] = False,
) -> None:
    """Say what an archive holds and everything that is wrong with it; exit code 2 when something is."""
    from benchmark.config.load import load_dataset
    from benchmark.data.check import check_archive
    from benchmark.data.fetch import absent

    config = load_dataset(dataset)
    root = path or layout.raw(dataset)
    if not root.exists():
        raise absent(config, root)
    report = check_archive(config, root, voxels=voxels)
    if as_json:
        print(json.dumps(report.as_json(), indent=1))
    else:
        _print(report)
        if not voxels:
            print("Headers were read; --voxels reads the images too.")
    if report.survey.faults:
        raise typer.Exit(2)


@app.command()
def fetch(
    dataset: Annotated[str, typer.Argument(help="name of a config in config/datasets, such as ixi")],
) -> None:
    """Pull, generate or download an archive, whichever is possible, and verify it, as Snakemake does by itself."""
    from benchmark.data.fetch import obtain

    # No manifest: one that Snakemake did not write would hide from it that the archive has changed.
    files = obtain(dataset).files
    size = sum(size for _, size in files.values())
    print(f"{layout.raw(dataset)}: verified, {len(files)} files, {size / 1e6:.1f} MB")


@app.command()
def track(
    dataset: Annotated[str, typer.Argument(help="name of a config in config/datasets, such as ixi")],
    voxels: Annotated[bool, typer.Option("--voxels/--headers", help="read every voxel, or headers only")] = True,
) -> None:
    """Check the archive in data/raw/<dataset>, and have DVC hash and track it; exit code 2 when something is wrong."""
    from benchmark.data import versioning

    check(dataset, layout.raw(dataset), voxels=voxels)
    versioning.call("add", str(layout.raw(dataset)))
    print(f"{versioning.pointer(dataset)} states the archive's hash: commit it, and dvc push where there is a remote")


def _print(report: "Report") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from benchmark.data.check import summary

    table = Table(box=box.SIMPLE_HEAD, title=f"{report.config.title}: {report.root}", title_justify="left")
    heads, rows = summary(report)
    for head in heads:
        table.add_column(head, justify="left" if head == heads[0] else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    console.print(table)
    for odd in report.odd:
        console.print(f"odd: {odd}", soft_wrap=True, markup=False)
    for fault in report.survey.faults:
        console.print(f"fault: {fault}", soft_wrap=True, markup=False)
    console.print(
        f"{len(report.survey.entries)} subjects, {len(report.survey.excluded)} excluded, {len(report.odd)} odd, "
        f"{len(report.survey.faults)} faults"
    )
