"""Prepares brain MRI: from a scan to axial slices in template space.

Steps: reorientation, common voxel size, brain extraction, N4, tissue classes, registration, resampling, intensities
(section III-A of the paper).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark.archives.formats.volumes import Volume, at
from benchmark.archives.subject import Subject
from benchmark.archives.voxel_checks import checked_image, checked_labels, checked_mask, label_volumes
from benchmark.config.dataset import DatasetConfig, MRIPreparation
from benchmark.preparation import brain
from benchmark.preparation.geometry import (
    Grid,
    Matrix,
    crop,
    resample_image,
    resample_labels,
    resample_mask,
    to_canonical,
)
from benchmark.preparation.prepared import Prepared
from benchmark.preparation.quality import alignment_quality, intensity_quality, scan_quality
from benchmark.preparation.record import Record
from benchmark.preparation.template import align_centres, register, slice_grid
from benchmark.preparation.tissue import classify_tissues, correct_bias_field
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError

_MARGIN = 2.0  # mm that are kept around the brain
_IDENTITY: Matrix = np.eye(4)


@dataclass(frozen=True)
class _Scan:
    """A scan on its own axes, cropped to the brain."""

    image: Volume
    mask: Volume
    labels: Volume | None


def prepare_mri(
    config: DatasetConfig, settings: MRIPreparation, subject: Subject, targets: Sequence[str], record: Record
) -> Prepared:
    """Prepares one subject.

    Args:
        targets: scanners whose truth is needed.

    Raises:
        DataError: a fault of the subject's files.
    """
    scan = _scan(config, settings, subject, record)
    if settings.n4:
        with record.step("bias field"):
            scan = _Scan(correct_bias_field(scan.image, scan.mask, settings.n4_levels), scan.mask, scan.labels)
    labels = scan.labels
    if settings.tissue == "hmrf":
        with record.step("tissue classes"):
            labels = classify_tissues(scan.image, scan.mask)
            record.label_volumes = label_volumes(labels, config.labels)
    if labels is None:
        raise DataError(scan.image.path, "has no label map", "Get the whole archive, or set 'tissue: hmrf'")
    with record.step("alignment") as entry:
        alignment = register(scan.image, scan.mask) if settings.register_to_mni else align_centres(scan.mask)
        entry.update(
            template_to_scan=alignment.matrix.tolist(), metric=alignment.metric, iterations=alignment.iterations
        )
    grid = slice_grid(settings)
    with record.step("resampling") as entry:
        mask = resample_mask(scan.mask, grid, alignment.matrix)
        if not np.asarray(mask.data).any():
            raise DataError(
                scan.image.path,
                f"does not reach the slices that are kept, from {settings.slice_range[0]:g} to "
                f"{settings.slice_range[1]:g} mm",
                f"Correct 'slice_range' in {paths.DATASET_CONFIG}/{config.name}.yaml, or exclude the subject there",
            )
        image = resample_image(scan.image, grid, alignment.matrix)
        labels = _inside(resample_labels(labels, grid, alignment.matrix, tuple(config.labels.values())), mask)
        record.keep(label_volumes(replace(labels, affine=alignment.matrix @ grid.affine), config.labels))
        record.quality["beside"] = entry["brain_outside_the_slices"] = _share_outside(scan.mask, mask, alignment.matrix)
    with record.step("intensities") as entry:
        entry["full"] = full = _full(scan.image, scan.mask, settings)
        image = _scaled(image, mask, full)
    with record.step("quality of alignment and intensities"):
        record.quality |= alignment_quality(alignment, mask) | intensity_quality(scan.image, scan.mask)
    truth = _truth(settings, subject, targets, scan.mask, mask, alignment.matrix, record)
    return Prepared(image, labels, mask, truth)


def _scan(config: DatasetConfig, settings: MRIPreparation, subject: Subject, record: Record) -> _Scan:
    """Reads a subject, resamples it to the common voxel size, and extracts its brain."""
    with record.step("reading"):
        scan = subject.image()
        image = to_canonical(checked_image(scan))
        mask = to_canonical(at(scan, checked_mask(subject.mask()))) if subject.mask else None
        labels = None
        if subject.labels and settings.tissue == "none":
            labels = to_canonical(at(scan, checked_labels(subject.labels(), config.labels.values())))
            record.label_volumes = label_volumes(labels, config.labels)
    grid, original = Grid.of(image), image
    if settings.working_spacing:
        with record.step("common voxel size"):
            grid = grid.with_spacing(settings.working_spacing)
            image = _positive(resample_image(image, grid, _IDENTITY))
            mask = resample_mask(mask, grid, _IDENTITY) if mask else None
            labels = resample_labels(labels, grid, _IDENTITY, tuple(config.labels.values())) if labels else None
    with record.step("brain extraction") as entry:
        mask = _brain(settings, subject, image, mask)
        entry["tool"] = settings.brain_extraction
        entry["millilitres"] = float(np.asarray(mask.data).sum() * np.prod(mask.spacing) / 1000)
    with record.step("quality of the scan"):
        inside = resample_mask(mask, Grid.of(original), _IDENTITY) if settings.working_spacing else mask
        record.quality |= {"brain": entry["millilitres"], **scan_quality(original, inside)}
    box = brain.bounding_box(mask, _MARGIN)
    return _Scan(crop(image, box), crop(mask, box), crop(labels, box) if labels else None)


def _brain(settings: MRIPreparation, subject: Subject, image: Volume, mask: Volume | None) -> Volume:
    if settings.brain_extraction == "robex":
        found = brain.robex(image)
    elif settings.brain_extraction == "foreground":
        found = brain.foreground(image)
    elif mask is not None:
        found = mask
    else:
        raise DataError(image.path, "has no brain mask", "Get the whole archive, or set 'brain_extraction: robex'")
    return brain.close_mask(found, settings.mask_closing)


def _truth(
    settings: MRIPreparation,
    subject: Subject,
    targets: Sequence[str],
    own_mask: Volume,
    mask: Volume,
    matrix: Matrix,
    record: Record,
) -> dict[str, tuple[Volume, Volume]]:
    """The target scanner's images, with alignment and mask of the source's, and with their own bias field and scale."""
    available: Mapping[str, tuple] = subject.truth or {}
    truth = {}
    for target in targets:
        with record.step(f"truth of {target}") as entry:
            volumes = []
            for load in available[target]:
                scan = to_canonical(checked_image(load()))
                inside = resample_mask(own_mask, Grid.of(scan), _IDENTITY)
                box = brain.bounding_box(inside, _MARGIN)
                scan, inside = crop(scan, box), crop(inside, box)
                if settings.n4:
                    scan = correct_bias_field(scan, inside, settings.n4_levels)
                full = _full(scan, inside, settings)
                volumes.append(_scaled(resample_image(scan, Grid.of(mask), matrix), mask, full))
                entry.setdefault("full", []).append(full)
            truth[target] = (volumes[0], volumes[1])
    return truth


def _full(image: Volume, mask: Volume, settings: MRIPreparation) -> float:
    """The intensity that maps to 1."""
    value = float(np.percentile(np.asarray(image.data)[np.asarray(mask.data) > 0], settings.intensity_percentile))
    if value <= 0:
        raise DataError(image.path, "has no signal inside the brain", "Look at the image; exclude the subject")
    return 2 * value / (settings.intensity_level + 1)


def _scaled(image: Volume, mask: Volume, full: float) -> Volume:
    """Maps 0 to -1 and ``full`` to 1; -1 outside the mask."""
    inside = np.clip(2 * np.asarray(image.data) / full - 1, -1, 1)
    return Volume(np.where(np.asarray(mask.data) > 0, inside, -1).astype(np.float32), image.affine, image.path)


def _positive(image: Volume) -> Volume:
    """Removes negative values, which splines produce at edges."""
    return Volume(np.maximum(image.data, np.float32(0)), image.affine, image.path)


def _inside(labels: Volume, mask: Volume) -> Volume:
    return Volume(np.where(np.asarray(mask.data) > 0, labels.data, 0).astype(np.uint8), labels.affine, labels.path)


def _share_outside(scan_mask: Volume, mask: Volume, matrix: Matrix) -> float:
    """Share of the brain, at the heights of the slices, outside of them; above 0, the slices are too small."""
    positions = np.argwhere(np.asarray(scan_mask.data) > 0)
    to_grid = np.linalg.inv(matrix @ mask.affine) @ scan_mask.affine
    i, j, k = (np.c_[positions, np.ones(len(positions))] @ to_grid.T)[:, :3].T
    columns, rows, slices = mask.data.shape
    among = (k >= 0) & (k <= slices - 1)
    beside = (i < -0.5) | (i > columns - 0.5) | (j < -0.5) | (j > rows - 0.5)
    return float((among & beside).sum() / max(1, among.sum()))
