"""How much of a scan its mask and labels cover, and warnings about masks and labels that are probably wrong.

These are warnings, not faults: the files are readable, and only someone who knows the subjects can tell.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmark.archives.measures import MEASURES
from benchmark.archives.subject import Subject
from benchmark.archives.voxel_checks import checked_labels, checked_mask
from benchmark.config.dataset import DatasetConfig

# Bounds in mL of a brain's mask. They are a quarter wider than those of a prepared brain, since phantoms, which are
# deformed from a large template, have up to 2352 mL.
_MARGIN = 1.25
_SMALLEST, _LARGEST = next(measure.bounds for measure in MEASURES["mri"] if measure.key == "brain")
_BRAIN = (_SMALLEST / _MARGIN, _LARGEST * _MARGIN)
# Shares, by assumption. Brains of phantoms fill less than half of their bounding box; their lesions cover up to 1.3 %
# of the brain, and none lies outside of it.
_MOST_OF_SCAN = 0.7
_MOST_LESIONS = 0.25
_MOST_OUTSIDE = 0.1


@dataclass(frozen=True)
class Coverage:
    """What mask and labels of one subject cover.

    Attributes:
        volumes: mm³ of each label; empty without a label map.
        masked: whether there is a mask.
        mask_ml: volume of the mask.
        mask_share: share of the scan inside the mask.
        labelled: labelled share of the mask or, without one, of the scan.
        outside: share of the labelled voxels outside of the mask.
    """

    volumes: dict[str, float]
    masked: bool = False
    mask_ml: float = 0.0
    mask_share: float = 0.0
    labelled: float = 0.0
    outside: float = 0.0


def coverage(config: DatasetConfig, subject: Subject) -> Coverage:
    """Reads mask and labels of a subject.

    Raises:
        DataError: either is damaged, or has invalid values.
    """
    voxel, found = float(np.prod(subject.spacing)), Coverage({})
    mask = subject.mask and np.asarray(checked_mask(subject.mask()).data) > 0
    if mask is not None:
        ml = voxel * int(mask.sum()) / 1000
        found = replace(found, masked=True, mask_ml=ml, mask_share=float(mask.mean()))
    if subject.labels is None:
        return found
    labels = np.asarray(checked_labels(subject.labels(), config.labels.values()).data)
    volumes = {name: voxel * int((labels == value).sum()) for name, value in config.labels.items()}
    labelled = labels > 0
    if mask is None:
        return replace(found, volumes=volumes, labelled=float(labelled.mean()))
    outside = float((~mask[labelled]).mean()) if labelled.any() else 0.0
    return replace(found, volumes=volumes, labelled=float(labelled[mask].mean()), outside=outside)


def coverage_warnings(config: DatasetConfig, of: Mapping[str, Coverage]) -> Iterator[tuple[str, list[str]]]:
    """Warnings about masks and labels of one scanner's subjects, each with the subjects concerned."""
    masks = {name: c for name, c in of.items() if c.masked}
    if blank := [name for name, c in of.items() if c.volumes and not any(c.volumes.values())]:
        yield "no voxel has a label, as for a healthy subject, or if the label map is wrong:", blank
    if outside := {name: c.outside for name, c in masks.items() if c.outside > _MOST_OUTSIDE}:
        yield (
            "labels lie outside of the mask, as if one is of another subject, or the two are swapped:",
            _shares(outside),
        )
    sparse = config.label_kind == "sparse"
    most = _MOST_LESIONS if sparse else _MOST_OF_SCAN
    # Tissues fill their mask.
    if full := {name: c.labelled for name, c in of.items() if c.labelled > most and (sparse or name not in masks)}:
        yield f"labels cover more than {most:.0%} of mask or scan:", _shares(full)
    if config.preparation.kind != "mri":
        return
    if full := {name: c.mask_share for name, c in masks.items() if c.mask_share > _MOST_OF_SCAN}:
        yield f"the mask covers more than {_MOST_OF_SCAN:.0%} of the scan, too much for a brain:", _shares(full)
    low, high = _BRAIN
    if unlike := [f"{n} ({c.mask_ml:.4g} mL)" for n, c in masks.items() if not low <= c.mask_ml <= high]:
        yield f"the mask does not have the {low:.4g} to {high:.4g} mL of a brain:", unlike


def _shares(of: Mapping[str, float]) -> list[str]:
    return [f"{name} ({share:.0%})" for name, share in of.items()]
