"""Measures the realism of full-size phantoms: histograms, noise, contrast, sharpness, texture, lesions, speckle.

    python -m benchmark step fetch oasis_ixi
    python -m studies.realism [--folder results/realism]

Generates the phantom subjects in the folder, unless they are there, and writes ``realism.csv`` and tables for
``docs/phantoms.md``. No output shows an image of a person.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmark.archives.formats.volumes import Volume
from benchmark.archives.subject import Subject
from benchmark.phantoms.retina import Eye
from benchmark.phantoms.retouch import CIRRUS, SPECTRALIS
from benchmark.phantoms.streams import Stream
from benchmark.preparation.geometry import to_canonical
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically, write_rows
from benchmark.runtime.errors import UserError
from studies.realism import brain, lesions
from studies.realism.eyes import eye_quantities
from studies.realism.subjects import Brain, generated, phantom_brain, prepared, real, resampled
from studies.realism.summary import COLUMNS, Values, rows, table

SAMPLED = "PL, sampled"
"""The phantom of Philips 3 T, interpolated to 2 mm without blur."""
PAIRS = (("GE", "OASIS", 1.0), ("PL", "IXIHH", 2.0))
"""Phantom scanner, real scanner, and voxel size in mm at which they are compared."""
PHANTOMS = {
    "GE": [f"IXI{701 + n}-IOP-{7001 + n}-T1" for n in range(3)],
    "PL": [f"IXI{801 + n}-HH-{8001 + n}-T1" for n in range(3)],
}
REAL = 6  # subjects per real scanner
PATIENTS = {
    scanner: [f"Center_{centre:02d}/Patient_{n:02d}" for n in (1, 2)]
    for scanner, centre in (("SV", 1), ("SA", 7), ("PI", 8))
}
EYES = {
    CIRRUS.code: (CIRRUS, [f"RETOUCH-TrainingSet-Cirrus/TRAIN{n:03d}" for n in (1, 2)]),
    SPECTRALIS.code: (SPECTRALIS, [f"RETOUCH-TrainingSet-Spectralis/TRAIN{n:03d}" for n in (25, 26)]),
}
BAND = (0.05, 0.2)  # cycles per mm, for the slope of spectra
THICK_SLICE = 5.0  # mm, as in Wang et al. 1997


def brain_quantities(subject: Brain) -> Iterator[tuple[str, str, float]]:
    """Name, unit and value of each quantity of one brain."""
    image, labels = subject.image, subject.labels
    fluid, grey = brain.tissue_ratios(image, labels)
    frequency, power = brain.spectrum(image, subject.mask, subject.spacing)
    parts = brain.shares(labels)
    yield "cerebrospinal fluid / white matter", "", fluid
    yield "grey / white matter", "", grey
    yield "CNR, grey and white matter", "", brain.contrast_to_noise(image, labels)
    yield "share of fluid in the brain", "%", 100 * parts[0]
    yield "share of grey matter in the brain", "%", 100 * parts[1]
    yield "noise / white matter", "%", 100 * brain.noise(image, labels == brain.WM)
    yield "10-90 % edge, grey to white matter", "mm", brain.edge_width(image, labels, (subject.spacing,) * 3)
    yield "slope of the spectrum", "", brain.spectral_slope(frequency, power, *BAND)


def measure_brains(folder: Path, values: Values) -> None:
    """T1-weighted phantoms and real images of ``oasis_ixi``."""
    histograms: dict[str, list[brain.Floats]] = defaultdict(list)

    def measure(group: str, subject: Subject, mask: Volume, spacing: float) -> None:
        print(f"{group}: {subject.id}", flush=True)
        found = prepared(subject.image(), mask, spacing, blurred=group != SAMPLED)
        histograms[group].append(brain.histogram(found.image[found.mask]))
        for quantity, unit, value in brain_quantities(found):
            values[group][quantity, unit].append(value)

    for phantom, other, spacing in PAIRS:
        for subject in real(paths.raw("oasis_ixi"), other, REAL):
            assert subject.mask
            measure(other, subject, subject.mask(), spacing)
        for name in PHANTOMS[phantom]:
            subject, mask = generated("ixi", name, folder), phantom_brain(name)
            measure(phantom, subject, mask, spacing)
            if phantom == "PL":
                measure(SAMPLED, subject, mask, spacing)
        second = histograms[other]
        for name, distance in (("Wasserstein", brain.wasserstein), ("Jensen-Shannon", brain.jensen_shannon)):
            key = f"{name} distance to real histograms", ""
            for group in (phantom, SAMPLED) if phantom == "PL" else (phantom,):
                values[group][key] += [distance(p, r) for p in histograms[group] for r in second]
            values[other][key] += [distance(a, b) for i, a in enumerate(second) for b in second[:i]]


def measure_lesions(folder: Path, values: Values) -> None:
    """Lesions and texture of the MS-SEG phantom."""
    for scanner, names in PATIENTS.items():
        for name in names:
            subject = generated("msseg", name, folder)
            print(f"{scanner}: {name}", flush=True)
            assert subject.labels
            assert subject.mask
            image, mask = resampled(subject.image(), subject.mask(), 1.0)
            frequency, power = brain.spectrum(image, mask, 1.0)
            values[scanner]["slope of the spectrum", ""].append(brain.spectral_slope(frequency, power, *BAND))
            labels = subject.labels()
            sizes = lesions.volumes(np.asarray(labels.data) > 0, labels.spacing)
            group = values["MS-SEG phantom"]
            group["lesions", ""].append(len(sizes))
            group["lesion load", "ml"].append(sizes.sum() / 1000)
            group["median lesion volume", "mm³"].append(float(np.median(sizes)))
            group["median diameter", "mm"].append(float(np.median(lesions.diameters(sizes))))
            group["lesions under 3 mm across", "%"].append(100 * float(np.mean(lesions.diameters(sizes) < 3)))
            group["largest lesion / load", "%"].append(100 * sizes.max() / sizes.sum())
            upright = to_canonical(labels)
            flat = lesions.areas(np.asarray(upright.data) > 0, upright.spacing, THICK_SLICE)
            for area in (80, 10):
                group[f"areas under {area} mm² in slices of 5 mm", "%"].append(100 * float(np.mean(flat < area)))


def measure_eyes(folder: Path, values: Values) -> None:
    """OCT phantoms."""
    for group, (device, names) in EYES.items():
        for name in names:
            print(f"{group}: {name}", flush=True)
            eye = Eye.random(Stream("retouch", "full", name, "eye"), device.field)
            for quantity, unit, value in eye_quantities(generated("retouch", name, folder), eye, device):
                values[group][quantity, unit].append(value)


def main() -> int:
    """Runs the study; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("results/realism"))
    folder: Path = parser.parse_args().folder
    values: Values = defaultdict(lambda: defaultdict(list))
    try:
        measure_brains(folder / "phantoms", values)
        measure_eyes(folder / "phantoms", values)
        measure_lesions(folder / "phantoms", values)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write_rows(folder / "realism.csv", COLUMNS, rows(values))
    tables = [("GE", "OASIS"), ("PL", SAMPLED, "IXIHH"), ("MS-SEG phantom", *PATIENTS), tuple(EYES)]
    write_atomically(folder / "tables.md", "\n".join(table(values, groups) for groups in tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
