"""How much of a scan its mask and its labels cover, and who is told for it: masks and labels that can hardly be right.

It is odd, not a fault: the files can be read, and only whoever knows the subjects can say that they are wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark.archives.checks import checked_labels, checked_mask
from benchmark.archives.measures import MEASURES
from benchmark.archives.subject import Subject
from benchmark.config.dataset import DatasetConfig

# Beyond these mL a mask can hardly be a brain's: a quarter beyond the bounds by which a prepared brain is judged, since
# phantoms, deformed from a template larger than most brains, have up to 2352 mL, and nothing is wrong with it.
_MARGIN = 1.25
_SMALLEST, _LARGEST = next(measure.bounds for measure in MEASURES["mri"] if measure.key == "brain")
_BRAIN = (_SMALLEST / _MARGIN, _LARGEST * _MARGIN)
# Shares, by assumption. The phantoms' brains, which are deformed templates, fill less than half of the box about them;
# so much of a scan is no brain, nor the fluids of a retina. Their lesions cover up to 1.3 % of the brain, and none lies
# outside of it.
_MOST_OF_SCAN = 0.7
_MOST_LESIONS = 0.25
_MOST_OUTSIDE = 0.1


@dataclass(frozen=True)
class Coverage:
    """What mask and labels of one subject cover.

    Attributes:
        volumes: mm³ of each label; empty where there is no label map.
        masked: whether there is a mask.
        mask_ml: its volume.
        mask_share: share of the scan that is inside the mask.
        labelled: share that is labelled of the mask or, without one, of the scan.
        outside: share of the labelled voxels that lie outside of the mask.
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
        DataError: either is damaged, or has values that it may not have.
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


def odd_coverage(
    config: DatasetConfig, subjects: Sequence[str], found: Mapping[str, Coverage]
) -> Iterator[tuple[str, list[str]]]:
    """What is odd about masks and labels of one scanner's subjects, and of whom.

    Args:
        found: of each subject whose voxels were read.
    """
    of = {name: found[name] for name in subjects if name in found}
    masks = {name: c for name, c in of.items() if c.masked}
    # There may be nothing to label, or they are forgotten ones.
    if blank := [name for name, c in of.items() if c.volumes and not any(c.volumes.values())]:
        yield "no voxel has a label, as of a healthy subject or a forgotten label map, of", blank
    if outside := {name: c.outside for name, c in masks.items() if c.outside > _MOST_OUTSIDE}:
        yield "labels lie outside of the mask, as of another subject or swapped with it, of", _shares(outside)
    sparse = config.label_kind == "sparse"
    most = _MOST_LESIONS if sparse else _MOST_OF_SCAN
    # Tissues fill their mask.
    if full := {name: c.labelled for name, c in of.items() if c.labelled > most and (sparse or name not in masks)}:
        yield f"labels cover at most {most:.0%} of mask or scan, and not those of", _shares(full)
    if config.preparation.kind != "mri":
        return
    if full := {name: c.mask_share for name, c in masks.items() if c.mask_share > _MOST_OF_SCAN}:
        yield f"a brain fills at most {_MOST_OF_SCAN:.0%} of a scan, and not the masks of", _shares(full)
    low, high = _BRAIN
    if unlike := [f"{n} ({c.mask_ml:.4g} mL)" for n, c in masks.items() if not low <= c.mask_ml <= high]:
        yield f"brains have {low:.4g} to {high:.4g} mL, and not the masks of", unlike


def _shares(of: Mapping[str, float]) -> list[str]:
    return [f"{name} ({share:.0%})" for name, share in of.items()]
