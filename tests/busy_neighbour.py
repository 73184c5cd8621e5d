"""The same training alone, and beside processes that use every core, the caches and the disk: the same bits.

``python tests/busy_neighbour.py 5`` does this five times for each method with networks.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from killed_training import METHODS, train

BUSY = """
import os, sys, tempfile
import numpy as np
product = np.ones((700, 700))
with tempfile.TemporaryFile() as file:
    print("busy", flush=True)
    while os.getppid() == int(sys.argv[1]):
        product = np.tanh(product @ product)
        file.seek(0)
        file.write(product.tobytes())
        file.flush()
        os.fsync(file.fileno())
"""


@contextmanager
def busy_neighbours() -> Iterator[None]:
    """One process more than there are cores, each with as many threads as there are cores."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(os.cpu_count()), "OPENBLAS_NUM_THREADS": str(os.cpu_count())}
    command = [sys.executable, "-c", BUSY, str(os.getpid())]
    neighbours = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range((os.cpu_count() or 1) + 1)
    ]
    try:
        for neighbour in neighbours:
            assert neighbour.stdout is not None
            assert neighbour.stdout.readline() == "busy\n"
        yield
        assert all(neighbour.poll() is None for neighbour in neighbours)
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.communicate()


def main(times: int) -> None:
    for method in METHODS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            alone = train(folder / "alone", method, steps=40)
            with busy_neighbours():
                for number in range(times):
                    beside = train(folder / str(number), method, steps=40)
                    assert beside == alone, f"{method}: other bits beside busy neighbours"
        print(
            f"{method}: {len(alone)} files, {times} times beside busy neighbours those of a training alone", flush=True
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
