"""Trainings in processes of their own that are killed (SIGKILL), and run again with the same command.

``python tests/killed_training.py 20`` kills a training of each method with networks twenty times, at random moments.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import small_benchmark as small

from benchmark.runtime.paths import Cell

ROOT = Path(__file__).parents[1]
METHODS = {"cyclegan": {}, "s_cyclegan": {}, "semgan": {"semantic_dropout": 0.5}, "segrenorm": {"embedding_dim": 16}}
STEPS = 120
"""Of a training that is killed at random; it writes a checkpoint after each, so that kills can hit the writing too."""


class Killed(KeyboardInterrupt):
    """As little handled by the suite as a kill; any other exception would count as a fault of the method."""


def kill() -> None:
    """Ends a training in this process."""
    raise Killed


def lay_out(folder: Path, steps: int, every: int) -> None:
    """A benchmark of four cells, ready to be trained."""
    folder.mkdir(parents=True)
    here = Path.cwd()
    os.chdir(folder)
    try:
        small.lay_out()
    finally:
        os.chdir(here)
    schedule = {"unit": "steps", "constant": steps // 2, "decay": steps - steps // 2}
    config = small.benchmark_config(
        methods=METHODS,
        proposed="segrenorm",
        training={"width": 4, "schedule": schedule},
        checkpoint_every=every,
    )
    (folder / "config.json").write_text(config.model_dump_json())


def start(folder: Path, method: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "benchmark", "step", "train", "config.json"]
    found = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [*command, small.DATASET, small.PAIR, "0", method, "0"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def finish(folder: Path, method: str) -> dict[str, bytes]:
    """Lets a training end; returns what it left."""
    assert start(folder, method).wait() == 0, (folder / "log").read_text()[-3000:]
    return result(folder, method)


def result(folder: Path, method: str) -> dict[str, bytes]:
    """Every file of the model, and the history."""
    cell = Cell("small", small.DATASET, "AA", "BB", 0, method, 0)
    return {**small.model_files(folder / cell.model), "history.csv": (folder / cell.history).read_bytes()}


def checkpoints(folder: Path) -> list[str]:
    # Not rglob, which fails where a temporary folder gets its final name meanwhile.
    found = [name for _, names, _ in os.walk(folder / "results/small/checkpoints") for name in names]
    return sorted(name for name in found if name.startswith("step-"))


def train(folder: Path, method: str, steps: int = 12, every: int = 3) -> dict[str, bytes]:
    lay_out(folder, steps, every)
    return finish(folder, method)


def train_with_a_kill(folder: Path, method: str, step: int, steps: int = 12, every: int = 3) -> dict[str, bytes]:
    """Kills as soon as there is the checkpoint of a step."""
    lay_out(folder, steps, every)
    process = start(folder, method)
    while process.poll() is None and f"step-{step:09}" not in checkpoints(folder):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, (folder / "log").read_text()[-3000:]
    result = finish(folder, method)
    assert "going on from the checkpoint" in (folder / "log").read_text()
    return result


def kill_at_random(folder: Path, method: str, moments: random.Random, longest: float) -> str:
    """Kills once, at a random time; returns when, and what that left, or nothing where the training ended first."""
    process, moment = start(folder, method), moments.uniform(0, longest)
    time.sleep(moment)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        assert process.returncode == 0, (folder / "log").read_text()[-3000:]
        return ""
    left = (checkpoints(folder) or ["no checkpoint"])[-1]
    torn = ", another half written" if any((folder / "results/small/checkpoints").rglob(".step-*")) else ""
    return f"{moment:.1f} s ({left}{torn})"


def train_with_kills(folder: Path, method: str, kills: int, seed: str, longest: float) -> tuple[dict[str, bytes], int]:
    """Trains with up to ``kills`` kills at random moments; returns what it left and the number of kills."""
    lay_out(folder, STEPS, every=1)
    moments, told = random.Random(seed), []
    while len(told) < kills:
        if not (what := kill_at_random(folder, method, moments, longest)):
            break
        told.append(what)
    found = finish(folder, method) if len(told) == kills else result(folder, method)
    print(f"{method}, seed {seed!r}: killed after {', '.join(told) or 'its end'}", flush=True)
    return found, len(told)


def main(kills: int) -> None:
    for method in METHODS:
        with tempfile.TemporaryDirectory() as temporary:
            begun = time.perf_counter()
            expected = train(Path(temporary) / "undisturbed", method, STEPS, every=1)
            longest = time.perf_counter() - begun
            hits = trainings = 0
            while hits < kills:
                folder, seed = Path(temporary) / str(trainings), f"{method} {trainings}"
                found, more = train_with_kills(folder, method, kills - hits, seed, longest)
                assert found == expected, f"{seed}: other bits"
                hits, trainings = hits + more, trainings + 1
        print(
            f"{method}: {trainings} trainings, killed {hits} times; "
            f"{len(expected)} files always those of an undisturbed training",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
