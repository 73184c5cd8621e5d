"""The ICBM152 2009a template, and alignment of subjects to it."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from benchmark.archives.formats.volumes import Volume
from benchmark.config.dataset import MRIPreparation
from benchmark.preparation.geometry import Grid, Matrix, resample_image, to_canonical, to_itk, to_matrix
from benchmark.runtime.errors import DataError

# nilearn's copy (Fonov et al., NeuroImage 2009): T1-weighted, 1 mm, RAS, brain only.
_FILE = "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
_SPACING = 3.0  # mm; enough for twelve parameters
_AIR = 10.0  # mm around the brain that the metric includes; without them, the size is not constrained
_SAMPLES = 0.25  # share of the template's voxels that the metric uses
_BINS = 32
_SEED = 2021
_LEVELS = {"shrinkFactors": [3, 1], "smoothingSigmas": [6.0, 2.0]}  # smoothing in mm


@dataclass(frozen=True)
class Alignment:
    """Alignment of a subject to the template.

    Attributes:
        matrix: 4x4, from template to subject, RAS millimetres.
        metric: final value of the metric, lower is better; None without optimisation.
        iterations: of the finest level.
    """

    matrix: Matrix
    metric: float | None
    iterations: int


@cache
def template() -> Volume:
    """The template's brain, 1 mm."""
    with resources.as_file(resources.files("nilearn") / _FILE) as path:
        image: Any = nib.load(path)
        data = np.asarray(image.dataobj).astype(np.float32)
        return to_canonical(Volume(data, np.asarray(image.affine, np.float64), path))


def slice_grid(config: MRIPreparation) -> Grid:
    """The grid of a dataset: axial slices of the config's size, centred on the template, within the config's z range.

    Axes are right, front and top; the distance of slices is ``slice_step`` times the spacing.
    """
    full = Grid.of(template())
    rows, columns = config.grid_size
    centre = (full.affine @ [*((np.array(full.shape) - 1) / 2), 1.0])[:2]
    low, high = config.slice_range
    step = config.grid_spacing * config.slice_step
    slices = int((high - low) / step + 1e-9) + 1
    affine = np.diag([config.grid_spacing, config.grid_spacing, step, 1.0])
    affine[:2, 3] = centre - config.grid_spacing * (np.array([columns, rows]) - 1) / 2
    affine[2, 3] = low
    return Grid((columns, rows, slices), affine)


def align_centres(mask: Volume) -> Alignment:
    """A shift that aligns the centre of the brain with that of the template."""
    matrix = np.eye(4)
    matrix[:3, 3] = _centre(mask) - _centre(template())
    return Alignment(matrix, None, 0)


def register(image: Volume, mask: Volume) -> Alignment:
    """Affine registration of a brain to the template by mutual information (Mattes et al., IEEE TMI 2003).

    It starts from the shift of :func:`align_centres`. With a fixed seed and a single thread, the same image gives the
    same matrix.

    Raises:
        DataError: the result mirrors the brain, or scales its volume beyond a plausible range.
    """
    fixed = resample_image(template(), Grid.of(template()).with_spacing(_SPACING), np.eye(4), spline=False)
    brain = Volume(np.where(np.asarray(mask.data) > 0, image.data, 0).astype(np.float32), image.affine, image.path)
    moving = resample_image(brain, Grid.of(brain).padded(2 * _AIR).with_spacing(_SPACING), np.eye(4), spline=False)
    transform = sitk.AffineTransform(3)
    lps = np.array([-1.0, -1.0, 1.0])
    transform.SetCenter((_centre(template()) * lps).tolist())
    transform.SetTranslation((align_centres(mask).matrix[:3, 3] * lps).tolist())
    method = _method(transform)
    method.SetMetricFixedMask(to_itk(Volume(_dilated(fixed), fixed.affine, fixed.path)))
    method.Execute(to_itk(fixed), to_itk(moving))
    matrix = to_matrix(transform)
    growth = float(np.linalg.det(matrix[:3, :3]))
    if not 0.4 < growth < 1.6:
        raise DataError(
            image.path,
            f"cannot be registered to the template: the brain came out {growth:.2f} times as large",
            "Look at the image and at its orientation; exclude the subject in the dataset's config",
        )
    return Alignment(matrix, float(method.GetMetricValue()), int(method.GetOptimizerIteration()))


def _method(transform: sitk.AffineTransform) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(_SAMPLES, _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=1e-3, numberOfIterations=200, relaxationFactor=0.6, gradientMagnitudeTolerance=1e-8
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_LEVELS["shrinkFactors"])
    method.SetSmoothingSigmasPerLevel(_LEVELS["smoothingSigmas"])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(transform, inPlace=True)
    return method


def _dilated(brain: Volume) -> np.ndarray:
    """The brain and the air around it."""
    distance = ndimage.distance_transform_edt(np.asarray(brain.data) <= 0, sampling=brain.spacing)
    return np.asarray(distance <= _AIR).astype(np.uint8)


def _centre(volume: Volume) -> Matrix:
    """Centroid of the voxels above 0, in RAS millimetres."""
    inside = np.argwhere(np.asarray(volume.data) > 0).mean(axis=0)
    return np.asarray((volume.affine @ [*inside, 1.0])[:3])
