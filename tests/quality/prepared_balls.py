"""Made-up prepared subjects."""

import json

import nibabel as nib
import numpy as np

from benchmark.runtime import paths

MRI = {
    "kind": "mri",
    "brain_extraction": "given",
    "n4": False,
    "tissue": "none",
    "grid_spacing": 4,
    "grid_size": [48, 40],
    "slice_range": [-20, 40],
}
CLEAN = {"ripple": 0.2, "k_space": 1.0, "noise": 0.03, "brightness": 400.0, "brain": 1400.0, "overlap": 0.95}


def ball(shape: tuple[int, int, int]) -> np.ndarray:
    """A ball without an eighth on its right, in front and above, so that directions are seen."""
    i, j, k = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    return (i**2 + j**2 + k**2 < 0.8) & ~((i > 0) & (j > -0.3) & (k > 0))


def write_subject(dataset: str, subject: str, domain: str, kind: str, values: dict[str, float]) -> None:
    folder = paths.subject(dataset, subject)
    folder.mkdir(parents=True)
    inside = ball((40, 48, 12))
    image = np.where(inside, 0.5, -1).astype(np.float32)
    labels = np.zeros(inside.shape, np.uint8)
    labels[15:20, 20:30, 4:8] = 1
    affine = np.diag([4.0, 4.0, 6.0, 1.0])
    for name, data in (("image", image), ("labels", labels), ("mask", inside.astype(np.uint8))):
        nib.save(nib.Nifti1Image(data, affine), folder / f"{name}.nii.gz")
    record = {"dataset": dataset, "subject": subject, "domain": domain, "preparation": kind, "quality": values}
    (folder / "subject.json").write_text(json.dumps(record))
