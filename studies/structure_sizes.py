"""How many pixels wide structures are in prepared slices, and how many they would be at the paper's resolution.

    python -m studies.structure_sizes ixi_phantom msseg_phantom retouch_phantom oasis_ixi

For each dataset and class: the median and the quarter points of the area of connected regions of a slice, the share of
regions of at most two pixels, and the median width, twice the distance to the border along the middle line less one. A
width at the paper's resolution is the one found, times the ratio of the pixels' sides; only pixels as large as the
paper's show what is narrower than a pixel.
"""

import sys

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import ndimage
from skimage.morphology import skeletonize

from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data.slices import SliceStore
from benchmark.runtime import paths

# Sides of a pixel in mm, rows and columns: config/datasets/{ixi,msseg,retouch}.yaml. RETOUCH: 1.92 mm in 496 rows, 6 mm
# in 512 columns.
PAPER = {"ixi": (0.9375, 0.9375), "msseg": (1.0, 1.0), "retouch": (0.00387, 0.01172)}
EVERY = ndimage.generate_binary_structure(2, 2)


def main() -> None:
    """Prints the table."""
    rows = [row for name in sys.argv[1:] for row in sizes(load_dataset(name))]
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.1f"))


def sizes(data: DatasetConfig) -> list[dict[str, object]]:
    """Rows of one dataset, of one class each."""
    store = SliceStore(paths.slices(data.name))
    rows: list[dict[str, object]] = []
    for label, value in data.labels.items():
        areas, widths = [], []
        for subject in store.subjects:
            for labels in store.labels(subject):
                found, wide = regions(labels == value)
                areas.append(found)
                widths.append(wide)
        area, width = np.concatenate(areas), float(np.median(np.concatenate(widths)))
        # Widths of layers and pools of fluid are heights: along rows.
        side = store.spacing(store.subjects[0])[1]
        papers = PAPER[data.family or "ixi"][0]
        low, middle, high = np.percentile(area, [25, 50, 75])
        rows.append(
            {
                "dataset": data.name,
                "class": label,
                "pixel, mm": f"{side:.3g}",
                "area, pixels": f"{middle:.0f} ({low:.0f} to {high:.0f})",
                "of 1 or 2 pixels, %": 100 * float(np.mean(area <= 2)),
                "width, pixels": width,
                "width at the paper's, pixels": width * side / papers,
            }
        )
    return rows


def regions(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Areas of connected regions in pixels, and widths along their middle lines."""
    names, count = ndimage.label(mask, EVERY)
    areas = np.bincount(names.ravel(), minlength=count + 1)[1:]
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))
    return areas, 2 * distance[skeletonize(np.pad(mask, 1))] - 1


if __name__ == "__main__":
    main()
