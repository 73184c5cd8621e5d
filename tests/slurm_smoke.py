"""The whole smoke benchmark through a real Slurm, and through none: the same numbers and models, to the bit.

``python tests/slurm_smoke.py`` runs it twice, in copies of the project. The run through Slurm is disturbed on the way:
Snakemake is interrupted and called again, then killed (SIGKILL) and called again, the node is drained and comes back,
and a training is cancelled. Needs what ``tests/slurm_cluster.py`` needs.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import slurm_cluster
from copied_project import call, copied_project, environment
from slurm_cluster import PROFILE, WITHOUT_GPUS

from benchmark.metrics.cost import OF_THIS_MACHINE
from benchmark.metrics.registry import quantities

CONFIG = "config/smoke.yaml"
PATIENCE = 3600.0
RECORDS = ("run.json", "harmonize.json", "subject.json", ".snakemake_timestamp")
"""They hold times and what ran where. So do locks, and the hashes of tables with times."""
TIMED = [quantity.name for quantity in quantities().values() if quantity.reference == OF_THIS_MACHINE]


class Run:
    """Snakemake, which submits jobs to a cluster, and what the cluster says of them."""

    def __init__(self, project: Path, cluster: dict[str, str]) -> None:
        self.project = project
        self.environment = environment(project)
        self.environment["PATH"] = f"{cluster['PATH']}:{self.environment['PATH']}"
        self.log = project / "snakemake.log"
        self.start()

    def start(self) -> None:
        command = ["snakemake", *PROFILE, "--configfile", CONFIG, *WITHOUT_GPUS]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.project,
                env=self.environment,
                stdout=log,
                stderr=log,
                # A shell that starts this in the background has it ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def ask(self, *command: str) -> list[str]:
        """Lines that a program of Slurm answers."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    def jobs(self, state: str, rule: str = "") -> list[str]:
        """Ids of jobs in a state such as ``RUNNING``, of one rule or of all."""
        listed = self.ask("squeue", "--noheader", f"--states={state}", "--format=%i|%k")
        return [line.split("|")[0] for line in listed if line.split("|")[1].startswith(f"rule_{rule}")]

    def wait_for(self, what: Callable[[], object]) -> None:
        """Raises AssertionError: Snakemake ended, or it takes too long."""
        until = time.monotonic() + PATIENCE
        while not what():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.2)

    def wait_until_idle(self) -> None:
        """Raises AssertionError: Slurm still has jobs after a minute, in which it kills those that it cancelled."""
        until = time.monotonic() + 60
        while jobs := self.ask("squeue", "--noheader", "--format=%i"):
            assert time.monotonic() < until, jobs
            time.sleep(0.5)

    def finish(self) -> str:
        """What Snakemake said, all in all."""
        code = self.process.wait(timeout=PATIENCE)
        assert code == 0, self.log.read_text()[-3000:]
        return self.log.read_text()


def interrupt_snakemake(run: Run) -> None:
    """It cancels its jobs before it ends."""
    run.wait_for(lambda: run.jobs("RUNNING", "prepare"))
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait() != 0
    run.wait_until_idle()
    print(f"Snakemake was interrupted: {len(run.jobs('CANCELLED'))} jobs are cancelled, none is left", flush=True)
    run.start()


def kill_snakemake(run: Run) -> None:
    """The next call is refused until the jobs of the killed call are gone."""
    run.wait_for(lambda: run.jobs("RUNNING", "collect") or run.jobs("RUNNING", "train"))
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    run.start()
    assert run.process.wait() != 0
    refusal = re.search(r"error: .* are queued or running in Slurm\. .*(scancel( \d+)+)\.", run.log.read_text())
    assert refusal, run.log.read_text()[-3000:]
    print(f"Snakemake was killed and called again: {refusal[0]}", flush=True)
    run.ask(*refusal[1].split())
    run.wait_until_idle()
    run.start()


def drain_node(run: Run) -> None:
    """Jobs that run end, and others wait until the node is back."""
    run.wait_for(lambda: run.jobs("RUNNING", "train"))
    run.ask("scontrol", "update", f"NodeName={slurm_cluster.NODE}", "State=DRAIN", "Reason=maintenance")
    run.wait_for(lambda: not run.jobs("RUNNING"))
    time.sleep(5)
    state = run.ask("sinfo", "--noheader", "--format=%T")
    print(f"node {state[0]}: {len(run.jobs('PENDING'))} jobs wait, {len(run.jobs('RUNNING'))} run", flush=True)
    assert state == ["drained"]
    assert run.jobs("PENDING")
    assert not run.jobs("RUNNING")
    run.ask("scontrol", "update", f"NodeName={slurm_cluster.NODE}", "State=RESUME")


def cancel_training(run: Run) -> None:
    """Snakemake submits it again."""
    run.wait_for(lambda: run.jobs("RUNNING", "train"))
    job = run.jobs("RUNNING", "train")[0]
    run.ask("scancel", job)
    run.wait_for(lambda: job in run.jobs("CANCELLED,FAILED"))
    print(f"job {job}, a training: cancelled", flush=True)


def left(project: Path) -> dict[str, object]:
    """Everything that a run left but its records, times and page; tables without what was measured of the machine."""
    found: dict[str, object] = {}
    for root in ("data/prepared", "results/smoke"):
        for path in sorted((project / root).rglob("*")):
            name = path.relative_to(project).as_posix()
            if path.suffix == ".csv" and path.name != "history.csv":
                table = pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns=TIMED, errors="ignore")
                found[name] = table[~table["metric"].isin(TIMED)].to_csv() if "metric" in table else table.to_csv()
            elif path.is_file() and path.suffix not in (".sha256", ".lock") and path.name not in RECORDS:
                found[name] = path.read_bytes()
    return found


def tell_jobs(run: Run, said: str) -> None:
    """Prints how many jobs of each rule were submitted, and how they ended, by the controller's memory."""
    listed = [line.split("|") for line in run.ask("squeue", "--noheader", "--states=all", "--format=%k|%T")]
    counted = Counter((re.sub(r"^rule_|_wildcards.*", "", comment), state) for comment, state in listed)
    print(f"{len(listed)} jobs were submitted to Slurm {run.ask('sinfo', '--version')[1]}:")
    for (rule, state), count in sorted(counted.items()):
        print(f"  {rule:20}{state:12}{count:3}")
    print(f"Snakemake tried {said.count('Trying to restart')} of them again after a failure")


def main() -> None:
    if names := slurm_cluster.missing():
        sys.exit(f"error: {', '.join(names)}: not installed. Debian's are in slurm-wlm and munge; docs/cluster.md.")
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        local = copied_project(folder / "local")
        call(local, "snakemake", "--cores", "2", "--configfile", CONFIG)
        expected = left(local)
        with slurm_cluster.cluster(folder / "cluster") as its:
            run = Run(copied_project(folder / "slurm"), its)
            try:
                for disturb in (interrupt_snakemake, kill_snakemake, drain_node, cancel_training):
                    disturb(run)
                tell_jobs(run, run.finish())
            finally:
                run.process.kill()
        found = left(run.project)
    assert set(found) == set(expected), set(found) ^ set(expected)
    others = [name for name, content in found.items() if content != expected[name]]
    assert not others, f"other bits than without Slurm: {', '.join(others)}"
    print(f"{len(found)} files of prepared data, models, images and scores are those of a run without Slurm")


if __name__ == "__main__":
    main()
