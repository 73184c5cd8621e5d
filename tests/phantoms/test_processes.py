"""The number of processes follows from cores and memory."""

from types import SimpleNamespace

import pytest
from generated import KINDS

from benchmark.phantoms import __main__ as command
from benchmark.phantoms import processes
from benchmark.phantoms.generate import SIZES
from benchmark.runtime import memory

MIB = 2**20


@pytest.fixture
def machine(monkeypatch):
    """A machine with eight cores and the given memory."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8))
    return lambda mib: monkeypatch.setattr(processes, "available", lambda: mib * MIB)


@pytest.mark.parametrize(
    ("kind", "mib", "jobs"),
    [("msseg", 16_000, 4), ("ixi", 16_000, 8), ("ixi", 4_000, 2), ("retouch", 4_000, 8), ("msseg", 100, 1)],
)
def test_memory_and_cores_limit_the_processes(machine, kind, mib, jobs):
    machine(mib)
    assert processes.process_count(kind, "full") == jobs


@pytest.mark.parametrize("kind", KINDS)
def test_larger_sizes_have_larger_peaks(machine, kind):
    machine(1_000)
    of_size = [processes.process_count(kind, size) for size in SIZES]
    assert of_size == sorted(of_size, reverse=True)
    assert of_size[-1] < of_size[0]


@pytest.mark.parametrize(("options", "jobs"), [([], 4), (["--jobs", "7"], 7)])
def test_jobs_overrides_the_number_of_processes(machine, monkeypatch, tmp_path, options, jobs):
    machine(16_000)
    given = []
    monkeypatch.setattr(command, "generate", lambda *arguments: given.append(arguments) or 0)
    assert command.main(["msseg", "full", str(tmp_path / "x"), *options]) == 0
    assert given == [("msseg", "full", tmp_path / "x", jobs)]


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A machine with 1000 MiB free; returns the MiB that control groups with the given files leave."""
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1000 * MIB))

    def left(own: str, files: dict[str, dict[str, object]]) -> float:
        (tmp_path / "own").write_text(own)
        for group, contents in files.items():
            (tmp_path / "groups" / group).mkdir(parents=True)
            for name, content in contents.items():
                (tmp_path / "groups" / group / name).write_text(f"{content}\n")
        return memory.available(tmp_path / "groups", tmp_path / "own") / MIB

    return left


def version_2(limit: object, used: int, cache: int) -> dict[str, object]:
    return {"memory.max": limit, "memory.current": used * MIB, "memory.stat": f"anon 1\ninactive_file {cache * MIB}"}


def test_memory_without_a_control_group(groups):
    assert groups("0::/\n", {}) == 1000


def test_the_narrowest_control_group_of_version_2_limits_memory(groups):
    files = {"job": version_2(500 * MIB, 300, 40), "job/step": version_2("max", 300, 40)}
    assert groups("0::/job/step\n", files) == 240


def test_a_control_group_larger_than_the_machine_does_not_limit_memory(groups):
    assert groups("0::/job\n", {"job": version_2(5000 * MIB, 300, 40)}) == 1000
