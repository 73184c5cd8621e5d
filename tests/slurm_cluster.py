"""A real Slurm on this machine: controller and one node, on loopback, without an accounting database.

``python tests/slurm_cluster.py start FOLDER`` writes its files there, starts it and prints what must be in the
environment of those who use it; ``... stop FOLDER`` ends it. Needs the programs of Debian's ``slurm-wlm`` and
``munge``.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil

from benchmark.pipeline.jobs import ON_GPU

CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr")
PROGRAMS = ("munged", "slurmctld", "slurmd", *CLIENTS)
NODE = "here"
GPUS = ("/dev/null", "/dev/zero")
"""Of the node, in Slurm's books only; it wants a device for each."""
PATIENCE = 60.0
"""Seconds that the node may take until it is idle."""

# How Snakemake is called: this cluster has no accounting, and one need not wait long for it.
PROFILE = ["--profile", "profiles/slurm", "--slurm-status-command", "squeue"]
PROFILE += ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5"]
WITHOUT_GPUS = ["--set-resources", *(f"{rule}:gpu=0" for rule in ON_GPU)]

CONFIG = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
# No control groups: whoever is not root, or in a container, has none.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
KillWait=30
MinJobAge=3600
GresTypes=gpu
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=urgent Nodes=ALL PriorityTier=9 PreemptMode=OFF State=UP
"""


def missing() -> list[str]:
    """Programs of Slurm, and Snakemake's plug-in for it, that are not installed."""
    plugin = [] if find_spec("snakemake_executor_plugin_slurm") else ["snakemake-executor-plugin-slurm"]
    return plugin + [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]


def environment(folder: Path) -> dict[str, str]:
    """What a program needs to find the cluster.

    Clients that know it come first on the path. A variable would not do: jobs are started without Slurm's own.
    """
    return {"PATH": os.pathsep.join([str(folder / "bin"), _path()])}


def start(folder: Path) -> None:
    """Starts it and waits until the node takes jobs.

    Raises:
        RuntimeError: it does not; with the ends of the logs.
    """
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    text = CONFIG.format(
        folder=folder,
        host=socket.gethostname().split(".")[0],
        node=NODE,
        user=pwd.getpwuid(os.getuid()).pw_name,
        controller_port=_free_port(),
        node_port=_free_port(),
        cores=os.cpu_count(),
        gpus=len(GPUS),
        memory=psutil.virtual_memory().total // 2**20 - 500,
    )
    (folder / "slurm.conf").write_text(text)
    (folder / "gres.conf").write_text("AutoDetect=off\n" + "".join(f"Name=gpu File={file}\n" for file in GPUS))
    for name in CLIENTS:
        client = folder / "bin" / name
        client.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which(name, path=_path())} "$@"\n')
        client.chmod(0o755)
    own = {**os.environ, **environment(folder), "SLURM_CONF": str(folder / "slurm.conf")}
    munged = [
        "munged",
        "--force",
        f"--key-file={key}",
        f"--socket={folder}/munge.socket",
        f"--pid-file={folder}/munged.pid",
    ]
    munged += [f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"]
    for command in (munged, ["slurmctld"], ["slurmd", "-N", NODE]):
        subprocess.run(command, env=own, check=True, capture_output=True, text=True)
    until = time.monotonic() + PATIENCE
    while _state(own) != "idle":
        if time.monotonic() > until:
            logs = "\n".join(path.read_text()[-1500:] for path in folder.glob("*.log"))
            stop(folder)
            raise RuntimeError(f"the node is {_state(own)!r} after {PATIENCE:.0f} s\n{logs}")
        time.sleep(0.2)


def stop(folder: Path) -> None:
    """Ends the three processes, by their ids."""
    for name in ("slurmd", "slurmctld", "munged"):
        try:
            process = psutil.Process(int((folder / f"{name}.pid").read_text()))
        except (FileNotFoundError, psutil.NoSuchProcess):
            continue
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a cluster that lasts as long as the block."""
    start(folder)
    try:
        yield environment(folder)
    finally:
        stop(folder)


def _state(own: dict[str, str]) -> str:
    asked = ["sinfo", "--noheader", "--format=%T"]
    return subprocess.run(asked, env=own, capture_output=True, text=True, check=False).stdout.strip()


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(verb: str, folder: Path) -> None:
    if verb == "stop":
        stop(folder)
        return
    if names := missing():
        sys.exit(f"error: {', '.join(names)}: not installed. Debian's are in slurm-wlm and munge; docs/cluster.md.")
    start(folder)
    print("\n".join(f"export {name}={value}" for name, value in environment(folder).items()))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).absolute())
