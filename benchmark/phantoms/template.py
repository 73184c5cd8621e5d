"""The ICBM152 2009a template from nilearn, and maps of it for the brain phantoms.

Fonov et al., NeuroImage 47 (2009) S102. nilearn's copy has T1, grey and white matter at 1 mm, without skull, eyes and
scalp, which the brain phantoms lack too. The T1 image is not used, because its contrast is that of one scanner.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmark.phantoms.exactmath import Array
from benchmark.phantoms.fields import gaussian_kernel
from benchmark.runtime.errors import DataError

Mask = npt.NDArray[np.bool_]
Map = npt.NDArray[np.float32]

MNI_ORIGIN = (-98.0, -134.0, -72.0)
"""MNI mm of voxel (0, 0, 0); voxels are 1 mm, axes R, A, S."""

_FILE = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
_SHA256 = {
    "gm": "9800242e730cec0d4ae97358d232904d09771bb0f10202ea4bf80eee50609b43",
    "wm": "7c78a23ddd786979edbb50bdada52c86c405cf2986baee5df5791e0200d7ffeb",
}  # of the decompressed files
_SHAPE = (197, 233, 189)
_COARSE = 2  # mm, enough for regions and distances
_FULL = 8 * 255  # value of a coarse voxel with one tissue
_PAD = 12  # mm of air around the template, for regions larger than the brain
_VENTRICLE_SEED = (-10.0, 0.0, 22.0)  # MNI mm, in the body of the left lateral ventricle, which touches the right one


@dataclass(frozen=True)
class Template:
    """Maps of the template.

    Attributes:
        grey: share of grey matter in each 1 mm voxel, 0 to 1.
        white: share of white matter.
        depth: mm inside the brain's outer surface (negative outside), 2 mm grid.
    """

    grey: Map
    white: Map
    depth: Map


@dataclass(frozen=True)
class LesionMaps:
    """Distances that define the sites of lesions, 2 mm grid.

    Attributes:
        ventricle: mm from the lateral ventricles.
        cortex: mm from the cortical grey matter.
    """

    ventricle: Map
    cortex: Map


def sample(volume: Map, points: tuple[Array, Array, Array]) -> Array:
    """Values of a map at MNI positions (mm), by linear interpolation; outside the map, those of its edge."""
    step, pad = (1, 0) if volume.shape == _SHAPE else (_COARSE, _PAD)
    shift = (step - 1) / 2.0
    voxels = [(p - o + pad - shift) / step for p, o in zip(points, MNI_ORIGIN, strict=True)]
    return ndimage.map_coordinates(volume, voxels, order=1, mode="nearest", output=np.float64)


def _folder() -> Path:
    spec = find_spec("nilearn")  # importing nilearn.datasets takes two seconds
    if spec is None or spec.origin is None:
        raise DataError("nilearn", "is not installed", "Install the packages of requirements.lock")
    return Path(spec.origin).parent / "datasets" / "data"


@lru_cache(maxsize=2)
def _read(tissue: str) -> npt.NDArray[np.uint8]:
    path = _folder() / _FILE.format(tissue)
    content = gzip.decompress(path.read_bytes())
    if hashlib.sha256(content).hexdigest() != _SHA256[tissue]:
        raise DataError(path, "is not the phantoms' template", "Install the nilearn version of requirements.lock")
    return np.asarray(nib.Nifti1Image.from_bytes(content).dataobj)


def _distance(mask: Mask) -> Array:
    """Distance in mm to the nearest voxel of ``mask``, on the coarse grid."""
    return ndimage.distance_transform_edt(~mask) * float(_COARSE)


def _halved(volume: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Sums over 2 x 2 x 2 voxels, after padding."""
    total = np.pad(volume, [(_PAD, _PAD + size % 2) for size in volume.shape]).astype(np.uint16)
    for axis in range(3):
        planes = np.moveaxis(total, axis, 0)
        total = np.moveaxis(planes[0::2] + planes[1::2], 0, axis)
    return total


def _depth(parenchyma: Mask) -> Array:
    """Signed distance from the arachnoid, positive inside.

    Closing with a 6 mm ball fills sulci, fissures and ventricles with cerebrospinal fluid; another 2 mm are the
    subarachnoid space over the gyri. Both lengths are by assumption.
    """
    reached = _distance(parenchyma) <= 8.0
    inside = ndimage.binary_fill_holes(_distance(~reached) > 6.0)
    signed = _distance(~inside) - _distance(inside)
    for axis in range(3):
        signed = ndimage.correlate1d(signed, gaussian_kernel(2.0), axis=axis)
    return signed


def _lateral_ventricles(fluid: Mask, depth: Map) -> Mask:
    labels, _ = ndimage.label(fluid & (depth > 16.0))
    seed = tuple(int((s - o + _PAD) // _COARSE) for s, o in zip(_VENTRICLE_SEED, MNI_ORIGIN, strict=True))
    return labels == labels[seed]


@lru_cache(maxsize=1)
def _tissue() -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Grey and white matter on the coarse grid, from 0 to ``_FULL``."""
    return _halved(_read("gm")), _halved(_read("wm"))


@lru_cache(maxsize=1)
def load() -> Template:
    """The template, cached in each process.

    Raises:
        DataError: nilearn's template has the wrong checksum.
    """
    grey, white = _tissue()
    depth = _depth(grey + white >= 0.4 * _FULL)
    fine_grey, fine_white = ((_read(tissue) / 255.0).astype(np.float32) for tissue in ("gm", "wm"))
    return Template(fine_grey, fine_white, depth.astype(np.float32))


@lru_cache(maxsize=1)
def lesion_maps() -> LesionMaps:
    """The maps of lesions' sites, cached in each process.

    Raises:
        DataError: nilearn's template has the wrong checksum.
    """
    (grey, white), depth = _tissue(), load().depth
    ventricles = _lateral_ventricles(grey + white < 0.5 * _FULL, depth)
    cortex = (grey >= 0.5 * _FULL) & (depth < 22.0)  # deep grey matter lies deeper than any sulcus
    return LesionMaps(_distance(ventricles).astype(np.float32), _distance(cortex).astype(np.float32))
