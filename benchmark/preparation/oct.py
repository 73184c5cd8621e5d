"""Prepares retinal OCT: from a volume to B-scans with the target scanner's dimensions."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from benchmark.archives.formats.volumes import Volume, at
from benchmark.archives.subject import Subject
from benchmark.archives.voxel_checks import checked_image, checked_labels, label_volumes
from benchmark.config.dataset import DatasetConfig, OCTPreparation
from benchmark.preparation.geometry import Grid
from benchmark.preparation.prepared import Prepared
from benchmark.preparation.quality import oct_quality
from benchmark.preparation.record import Record
from benchmark.runtime.errors import DataError

_SMOOTHING = 0.02  # Gaussian against speckle before the retina is segmented, as a share of columns and rows


def prepare_oct(
    config: DatasetConfig, settings: OCTPreparation, subject: Subject, targets: Sequence[str], record: Record
) -> Prepared:
    """Prepares one subject.

    Args:
        targets: scanners whose truth is needed.

    Raises:
        DataError: a fault of the subject's files.
    """
    with record.step("reading"):
        if subject.labels is None:
            raise DataError(subject.files[0], "has no label map", "Get the whole archive")
        scan = subject.image()
        labels = at(scan, subject.labels())
        record.label_volumes = label_volumes(checked_labels(labels, config.labels.values()), config.labels)
    grid = _grid(Grid.of(scan), settings)
    with record.step("resampling"):
        image = _scaled(resample_nearest(scan, grid), scan)
        labels = checked_labels(resample_nearest(labels, grid), config.labels.values())
        record.keep(label_volumes(labels, config.labels))
    with record.step("retina"):
        mask = segment_retina(image)
    with record.step("quality"):
        record.quality |= oct_quality(image, mask)
    with record.step("truth"):
        available = subject.truth or {}
        truth = {}
        for target in targets:
            clean, noisy = (load() for load in available[target])
            truth[target] = (
                _scaled(resample_nearest(clean, grid), clean),
                _scaled(resample_nearest(noisy, grid), noisy),
            )
    return Prepared(image, labels, mask, truth)


def resample_nearest(volume: Volume, grid: Grid) -> Volume:
    """Nearest-neighbour resampling to a grid with parallel axes, 0 outside.

    Of two equally near voxels, the one with the higher index counts.

    Raises:
        DataError: the axes are not parallel.
    """
    step = np.linalg.inv(volume.affine) @ grid.affine
    linear = step[:3, :3]
    if np.abs(linear - np.diag(np.diag(linear))).max() > 1e-6 * np.abs(linear).max():
        raise DataError(volume.path, "lies at an angle to its own grid", "Put the original file in its place")
    axes = [
        np.floor(linear[a, a] * np.arange(n) + step[a, 3] + 0.5 + 1e-6).astype(int) for a, n in enumerate(grid.shape)
    ]
    inside = [(index >= 0) & (index < n) for index, n in zip(axes, volume.data.shape, strict=True)]
    data = np.asarray(volume.data)[np.ix_(*[np.where(ok, index, 0) for ok, index in zip(inside, axes, strict=True)])]
    data = np.where(np.logical_and.outer(np.logical_and.outer(inside[0], inside[1]), inside[2]), data, 0)
    return Volume(data.astype(volume.data.dtype), grid.affine, volume.path)


def segment_retina(image: Volume) -> Volume:
    """Mask from the vitreous to the choroid: in each column from the first to the last bright row.

    Bright is the largest component above Otsu's threshold in the smoothed image.
    """
    columns, rows, _ = image.data.shape
    smooth = ndimage.gaussian_filter(np.asarray(image.data), [_SMOOTHING * columns, _SMOOTHING * rows, 0])
    components, count = ndimage.label(smooth > threshold_otsu(smooth.ravel()))
    sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
    bright = components == 1 + int(np.argmax(sizes))
    below_top = np.logical_or.accumulate(bright, axis=1)
    above_bottom = np.logical_or.accumulate(bright[:, ::-1], axis=1)[:, ::-1]
    return Volume((below_top & above_bottom).astype(np.uint8), image.affine, image.path)


def _grid(own: Grid, settings: OCTPreparation) -> Grid:
    """The extent of the volume, divided into the columns, rows and B-scans of the config."""
    rows, columns = settings.grid_size
    shape = (columns, rows, settings.b_scans)
    scale = np.array(own.shape) / shape
    affine = own.affine.copy()
    affine[:3, :3] *= scale
    affine[:3, 3] = (own.affine @ [*(scale / 2 - 0.5), 1.0])[:3]
    return Grid(shape, affine)


def _scaled(volume: Volume, original: Volume) -> Volume:
    """Maps the range of the file's integers, 0 to 255 or 0 to 65535, to [-1, 1].

    Raises:
        DataError: the file does not hold 8 or 16 bit grey, or the image is empty.
    """
    ceiling = {"uint8": 255, "uint16": 65535}.get(original.data.dtype.name)
    if ceiling is None:
        raise DataError(
            original.path, f"holds {original.data.dtype} values, not 8 or 16 bit grey", "Take the original file"
        )
    grey = np.asarray(checked_image(volume).data, dtype=np.float32)
    return Volume((grey / (ceiling / 2) - 1).astype(np.float32), volume.affine, volume.path)
