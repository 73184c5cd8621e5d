"""How the work on archives grows: checking a packed one, drawing batches from the slice store, preparing subjects.

    python -m studies.data_scaling [--folder results/data_scaling] [--only check|batches|prepare ...]

Each is measured at three sizes, the largest of which is the real one or is stated; `data_scaling.csv` is left in the
folder, and a table is printed. Archives are phantoms at full size. It needs 10 GB of disk and takes some ten minutes;
what it made stays in the folder for the next time.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.config.load import load_dataset
from benchmark.data.sampling import CropSampler, DomainSlices, stream
from benchmark.data.slices import SliceStore, SubjectSlices, write_slices
from benchmark.phantoms.generate import load_kind

PACKED = (145, 290, 581)
"""Volumes in a tar file; IXI-T1.tar has 581."""
STORED = (8, 24, 72)
"""Subjects of a scanner in a store; 167 of IXI's target would be 5 GB."""
PREPARED = (1, 2, 4)
"""Subjects that are prepared, on one core and on two."""
DRAWS = 200
GRIDS = {"ixi": (161, 224, 192), "msseg": (151, 256, 256), "retouch": (49, 496, 512)}
"""Slices, rows and columns of a prepared subject."""


@dataclass(frozen=True)
class Measured:
    """One point of a curve.

    Attributes:
        what: the curve.
        size: how much work it was.
        unit: of ``size``.
        seconds: wall time, or the median of it over repetitions.
        core_seconds: processor time, of children too.
        peak_mib: memory of the largest process.
    """

    what: str
    size: int
    unit: str
    seconds: float
    core_seconds: float
    peak_mib: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Measure how the work on archives grows.")
    parser.add_argument("--folder", type=Path, default=Path("results/data_scaling"))
    parser.add_argument("--only", nargs="+", choices=CURVES, default=list(CURVES))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)  # what a child process does, and with what
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    if chosen.child:
        CHILDREN[chosen.child[0]](chosen.folder, chosen.child[1])
        return
    points = [point for name in chosen.only for point in CURVES[name](chosen.folder)]
    table = pd.DataFrame([asdict(point) for point in points])
    table.to_csv(chosen.folder / "data_scaling.csv", index=False, float_format="%.6g")
    print(table.to_string(index=False, float_format=lambda number: f"{number:.4g}"))


def check(folder: Path) -> Iterator[Measured]:
    """``hbench data check`` of a packed archive, which reads headers."""
    for count in PACKED:
        tar = folder / f"{count}" / "IXI-T1.tar"
        if not tar.exists():
            _call(_child(folder, "pack", str(count)))
        command = [sys.executable, "-m", "benchmark", "data", "check", "ixi", str(tar), "--json"]
        yield _run("data check", count, "packed volumes", [command], 1)


def _pack(folder: Path, count: str) -> None:
    """A tar of so many volumes under names of the archive, in its proportions of hospitals."""
    scan = _scans(folder, 1)[0].read_bytes()
    tar = folder / count / "IXI-T1.tar"
    tar.parent.mkdir(exist_ok=True)
    with tarfile.open(tar, "w") as archive:
        for n in range(int(count)):
            site = "Guys" if n % 9 < 5 else "HH" if n % 9 < 8 else "IOP"
            member = tarfile.TarInfo(f"IXI{n + 1:03d}-{site}-{1000 + n}-T1.nii.gz")
            member.size = len(scan)
            archive.addfile(member, io.BytesIO(scan))


def batches(folder: Path) -> Iterator[Measured]:
    """A random batch of the paper's crops of both scanners, images and labels, from a warm cache."""
    for name, (slices, _, _) in GRIDS.items():
        for count in STORED if name == "ixi" else STORED[:1]:
            store = f"{name}-{count}.h5"
            if not (folder / store).exists():
                _call(_child(folder, "store", store))
            drawn = _call(_child(folder, "draw", store))
            wall, cpu = (float(number) for number in drawn.output.split())
            title = load_dataset(name).title
            yield Measured(f"batch of {title}", count * slices, "slices in the store", wall, cpu, drawn.peak_mib)


def _store(folder: Path, store: str) -> None:
    name, count = store.removesuffix(".h5").split("-")
    write_slices(folder / store, _made_up(name, int(count), GRIDS[name]))


def _draw(folder: Path, store: str) -> None:
    """Prints the medians of wall and processor time of a draw."""
    dataset, slices = load_dataset(store.split("-")[0]), SliceStore(folder / store)
    domain, crops = DomainSlices.of(slices, slices.subjects), dataset.training
    samplers = [CropSampler(domain, crops.crop, crops.batch_size, stream("scaling", side)) for side in "st"]
    print(*np.median([_drawn(samplers) for _ in range(DRAWS)], axis=0))


def _made_up(name: str, count: int, shape: tuple[int, int, int]) -> Iterator[SubjectSlices]:
    """Noise in the place of a brain, or everywhere in 8 bits as of a Cirrus: as hard to compress as images."""
    random = np.random.default_rng(0)
    row, column = (np.linspace(-1, 1, n) for n in shape[1:])
    inside = (row[:, None] / 0.84) ** 2 + (column[None, :] / 0.84) ** 2 < 1
    for n in range(count):
        noise = random.normal(0, 0.2, shape).clip(-1, 1)
        grey = np.rint((noise + 1) * 127.5).astype(np.float32)
        image = grey / np.float32(127.5) - 1 if name == "retouch" else np.where(inside, noise, -1)
        mask = np.broadcast_to(inside, shape).astype(np.uint8)
        labels = mask * np.where(row[:, None] > 0, 2, 1).astype(np.uint8)
        yield SubjectSlices(f"s{n:03d}", "A", image.astype(np.float32), labels, mask, (1.0, 1.0, 1.0))


def _drawn(samplers: list[CropSampler]) -> tuple[float, float]:
    begun = time.perf_counter(), time.process_time()
    for sampler in samplers:
        sampler.draw()
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def prepare(folder: Path) -> Iterator[Measured]:
    """Whole subjects of the IXI phantom, each in a process of its own, on one core and on two; and ROBEX alone."""
    names = [name.split("-")[0] for name in _names(max(PREPARED))]
    _call(_child(folder, "scans", str(max(PREPARED))))
    for cores in (1, 2):
        for count in PREPARED:
            commands = [_child(folder, "prepare", name) for name in names[:count]]
            yield _run(f"preparation on {cores} core{'s' * (cores > 1)}", count, "subjects", commands, cores)
    yield _run("ROBEX alone", 1, "subjects", [_child(folder, "prepare", "ROBEX")], 1)


def _prepare(folder: Path, name: str) -> None:
    from benchmark.archives.readers import read
    from benchmark.archives.voxel_checks import checked_image
    from benchmark.preparation.brain import robex
    from benchmark.preparation.geometry import to_canonical
    from benchmark.preparation.prepare import prepare_volumes
    from benchmark.preparation.prepared import write_prepared
    from benchmark.preparation.record import Record

    config, record = load_dataset("ixi_phantom_full"), Record()
    subjects = list(read("ixi", folder / "phantoms"))
    if name == "ROBEX":
        robex(to_canonical(checked_image(subjects[0].image())))
        return
    subject = next(s for s in subjects if s.id == name)
    made = prepare_volumes(config, subject, [], record)
    write_prepared(folder / "prepared" / name, made, {**record.finished(), "domain": subject.domain})


def _names(count: int) -> list[str]:
    """Scans of the phantom's target, which have no truth beside them."""
    return [name for name in load_kind("ixi").subjects("full") if "-HH-" in name][:count]


def _scans(folder: Path, count: int) -> list[Path]:
    """Full-size scans, made if they are not there."""
    place = folder / "phantoms"
    files = {name: place / "IXI-T1" / f"{name}.nii.gz" for name in _names(count)}
    for name, file in files.items():
        if not file.exists():
            load_kind("ixi").write(name, "full", place)
    return list(files.values())


@dataclass(frozen=True)
class Called:
    """What a process printed and used."""

    output: str
    core_seconds: float
    peak_mib: float


def _child(folder: Path, work: str, argument: str) -> list[str]:
    """Work of this script in a process of its own: a small parent, whose memory does not count as its children's."""
    return [sys.executable, __file__, "--folder", str(folder), "--child", work, argument]


def _call(command: list[str]) -> Called:
    """Runs a command on one thread."""
    threads = {"OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
    with subprocess.Popen(command, env={**os.environ, **threads}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        # wait4 tells what this one child used; getrusage would tell what all of them did.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Called(output, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _run(what: str, size: int, unit: str, commands: list[list[str]], side_by_side: int) -> Measured:
    """Runs commands, so many at a time; their processor time, and the memory of the largest."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(side_by_side) as pool:
        called = list(pool.map(_call, commands))
    wall = time.perf_counter() - begun
    return Measured(what, size, unit, wall, sum(c.core_seconds for c in called), max(c.peak_mib for c in called))


CHILDREN: dict[str, Callable[[Path, str], object]] = {
    "scans": lambda folder, count: _scans(folder, int(count)),
    "pack": _pack,
    "store": _store,
    "draw": _draw,
    "prepare": _prepare,
}
CURVES: dict[str, Callable[[Path], Iterator[Measured]]] = {"check": check, "batches": batches, "prepare": prepare}

if __name__ == "__main__":
    main()
