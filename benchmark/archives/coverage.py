"""What the labels of a scan cover, and warnings about masks and labels that are probably wrong.

These are warnings, not faults: the files are readable, and only someone who knows the subjects can tell.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.archives.subject import Subject
from benchmark.archives.voxel_checks import checked_labels, checked_mask
from benchmark.config.dataset import DatasetConfig

_MOST_OUTSIDE = 0.1  # share of the labels, by assumption; of phantoms' lesions, none lies outside of the brain


@dataclass(frozen=True)
class Coverage:
    """What the labels of one subject cover.

    Attributes:
        volumes: mm³ of each label; empty without a label map.
        outside: share of the labelled voxels outside of the mask; 0 without one.
    """

    volumes: dict[str, float]
    outside: float


def coverage(config: DatasetConfig, subject: Subject) -> Coverage:
    """Reads mask and labels of a subject.

    Raises:
        DataError: either is damaged, or has invalid values.
    """
    mask = subject.mask and np.asarray(checked_mask(subject.mask()).data) > 0
    if subject.labels is None:
        return Coverage({}, 0.0)
    labels = np.asarray(checked_labels(subject.labels(), config.labels.values()).data)
    voxel, labelled = float(np.prod(subject.spacing)), labels > 0
    outside = float((~mask[labelled]).mean()) if mask is not None and labelled.any() else 0.0
    return Coverage({name: voxel * int((labels == value).sum()) for name, value in config.labels.items()}, outside)


def coverage_warnings(of: Mapping[str, Coverage]) -> Iterator[tuple[str, list[str]]]:
    """Warnings about masks and labels of one scanner's subjects, each with the subjects concerned."""
    if blank := [name for name, c in of.items() if c.volumes and not any(c.volumes.values())]:
        yield "no voxel has a label, as for a healthy subject, or if the label map is wrong:", blank
    if outside := [f"{name} ({c.outside:.0%})" for name, c in of.items() if c.outside > _MOST_OUTSIDE]:
        yield "labels lie outside of the mask, as if one is of another subject, or the two are swapped:", outside
