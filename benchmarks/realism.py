"""How real the full-size phantoms are: histograms, noise, contrast, sharpness, texture, lesions, speckle, in numbers.

    python -m benchmark step fetch oasis_ixi
    python benchmarks/realism.py [--folder results/realism]

Phantom subjects are generated into the folder once. It writes there ``realism.csv``, the same as a table for
``docs/phantoms.md``, and a figure of distributions, without any image of a person.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from benchmark import layout
from benchmark.data.prepare.geometry import canonical
from benchmark.data.subject import Subject
from benchmark.errors import UserError
from benchmark.phantoms.fields import grid_positions
from benchmark.phantoms.oct import Device
from benchmark.phantoms.retina import IRF, LAYERS, PED, RETINA, SRF, Eye
from benchmark.phantoms.retouch import CIRRUS, SPECTRALIS
from benchmark.phantoms.streams import Stream
from benchmark.realism import brain, lesions, retina
from benchmark.realism.curves import Curves, draw
from benchmark.realism.subjects import Brain, generated, phantom_brain, prepared, real, resampled
from benchmark.whole import write_rows, write_whole

PAIRS = (("GE", "OASIS", 1.0), ("PL", "IXIHH", 2.0))
"""Phantom scanner, real scanner, mm of the voxels on which they are compared."""
PHANTOMS = {
    "GE": [f"IXI{701 + n}-IOP-{7001 + n}-T1" for n in range(3)],
    "PL": [f"IXI{801 + n}-HH-{8001 + n}-T1" for n in range(3)],
}
REAL = 6  # subjects of each real scanner
PATIENTS = {
    scanner: [f"Center_{centre:02d}/Patient_{n:02d}" for n in range(1, 4)]
    for scanner, centre in (("SV", 1), ("SA", 7), ("PI", 8))
}
EYES = {
    CIRRUS.code: (CIRRUS, [f"RETOUCH-TrainingSet-Cirrus/TRAIN{n:03d}" for n in (1, 2)]),
    SPECTRALIS.code: (SPECTRALIS, [f"RETOUCH-TrainingSet-Spectralis/TRAIN{n:03d}" for n in (25, 26)]),
}
BAND = (0.05, 0.2)  # cycles per mm in which the slope of spectra is fitted
THICK_SLICE = 5.0  # mm, that of Wang et al. 1997
SECTIONS = 12  # B-scans of each eye in which light is measured
MARGIN, VITREOUS_MARGIN = 0.008, 0.05  # mm from a layer's borders, and from the retina, that are left out
SPECKLE_WINDOW = 0.01, 0.25  # mm along depth and across, over which the local mean of speckle is taken
NO_FOVEA = 1.0  # mm from the fovea where nerve fibres begin to be thick enough for an edge
EDGE_REACH = 0.015  # mm before and behind the inner limiting membrane
CENTRE = 0.5  # mm: radius of the central subfield
COLUMNS = ("group", "quantity", "unit", "subjects", "mean", "low", "high")

Values = dict[str, dict[tuple[str, str], list[float]]]
"""Group, then quantity and its unit, then a value for each subject or pair of subjects."""


def measured_brain(subject: Brain, curves: Curves, group: str) -> Iterator[tuple[str, str, float]]:
    """Quantities of one brain."""
    image, labels = subject.image, subject.labels
    fluid, grey = brain.tissue_ratios(image, labels)
    frequency, power = brain.spectrum(image, subject.mask, subject.spacing)
    curves.spectra[group].append((frequency, power))
    curves.histograms[group].append(brain.histogram(image[subject.mask]))
    yield "cerebrospinal fluid / white matter", "", fluid
    yield "grey / white matter", "", grey
    yield "contrast-to-noise ratio, grey and white matter", "", brain.contrast_to_noise(image, labels)
    yield "noise / white matter", "%", 100 * brain.noise(image, labels == brain.WM)
    yield "10-90 % edge, grey to white matter", "mm", brain.edge_width(image, labels, (subject.spacing,) * 3)
    yield "slope of the spectrum", "", brain.spectral_slope(frequency, power, *BAND)


def measure_brains(folder: Path, values: Values, curves: Curves) -> None:
    """T1-weighted phantoms beside ``oasis_ixi``."""
    for phantom, other, spacing in PAIRS:
        for group, subjects in (
            (phantom, [(generated("ixi", name, folder), phantom_brain(name)) for name in PHANTOMS[phantom]]),
            (other, [(s, s.mask()) for s in real(layout.raw("oasis_ixi"), other, REAL) if s.mask]),
        ):
            for subject, mask in subjects:
                print(f"{group}: {subject.id}", flush=True)
                found = prepared(subject.image(), mask, spacing)
                for quantity, unit, value in measured_brain(found, curves, group):
                    values[group][quantity, unit].append(value)
        first, second = curves.histograms[phantom], curves.histograms[other]
        for name, distance in (("Wasserstein", brain.wasserstein), ("Jensen-Shannon", brain.jensen_shannon)):
            key = f"{name} distance of histograms, to other real subjects", ""
            values[phantom][key] += [distance(p, r) for p in first for r in second]
            values[other][key] += [distance(a, b) for i, a in enumerate(second) for b in second[:i]]


def measure_lesions(folder: Path, values: Values, curves: Curves) -> None:
    """Lesions of the MS-SEG phantom, and the texture of its FLAIR."""
    for scanner, names in PATIENTS.items():
        for name in names:
            subject = generated("msseg", name, folder)
            print(f"{scanner}: {name}", flush=True)
            assert subject.labels
            assert subject.mask
            image, mask = resampled(subject.image(), subject.mask(), 1.0)
            frequency, power = brain.spectrum(image, mask, 1.0)
            curves.spectra[scanner].append((frequency, power))
            values[scanner]["slope of the spectrum", ""].append(brain.spectral_slope(frequency, power, *BAND))
            labels = subject.labels()
            sizes = lesions.volumes(np.asarray(labels.data) > 0, labels.spacing)
            curves.diameters[scanner] += lesions.diameters(sizes).tolist()
            group = values["MS-SEG phantom"]
            group["lesions", ""].append(len(sizes))
            group["lesion load", "ml"].append(sizes.sum() / 1000)
            group["median lesion volume", "mm³"].append(float(np.median(sizes)))
            group["median diameter of a ball as large", "mm"].append(float(np.median(lesions.diameters(sizes))))
            group["lesions under 3 mm across", "%"].append(100 * float(np.mean(lesions.diameters(sizes) < 3)))
            group["largest lesion / load", "%"].append(100 * sizes.max() / sizes.sum())
            upright = canonical(labels)
            flat = lesions.areas(np.asarray(upright.data) > 0, upright.spacing, THICK_SLICE)
            for area in (80, 10):
                group[f"areas under {area} mm² in slices of 5 mm", "%"].append(100 * float(np.mean(flat < area)))


def measured_eye(subject: Subject, eye: Eye, device: Device) -> Iterator[tuple[str, str, float]]:
    """Quantities of one eye; where layers lie is known of the phantom and not read off the image."""
    assert subject.labels
    scan, labels = subject.image(), np.asarray(subject.labels().data)
    dx, dy, dz = scan.spacing
    columns, rows, sections = scan.data.shape
    x, z = grid_positions(columns, dx), grid_positions(sections, dz)
    chosen = np.linspace(0, sections - 1, SECTIONS).round().astype(int)
    tops = np.stack([eye.boundaries(x, z[n]) for n in chosen], axis=2) / dy - 0.5  # pixels
    grey = np.asarray(scan.data)[:, :, chosen].transpose(1, 0, 2)
    light = retina.linear_light(grey, device.levels, device.black, device.white)
    depth, margin = np.arange(rows)[:, None, None], MARGIN / dy
    vitreous = depth < tops[0] - VITREOUS_MARGIN / dy
    floor = light[vitreous].mean()
    layers, level = {}, {}
    for name in ("RNFL", "IPL", "ONL", "RPE"):
        index = [layer.name for layer in LAYERS].index(name)
        layers[name] = (depth > tops[index] + margin) & (depth < tops[index + 1] - margin)
        level[name] = light[layers[name]].mean() - floor
    reach = SPECKLE_WINDOW[0] / dy, SPECKLE_WINDOW[1] / dx
    yield "speckle contrast, inner plexiform layer", "", retina.speckle_contrast(light, layers["IPL"], reach)
    yield "speckle contrast, vitreous", "", retina.speckle_contrast(light, vitreous, reach)
    yield "nerve fibres against outer nuclear layer", "dB", retina.decibels(level["RNFL"], level["ONL"])
    yield "pigment epithelium against noise floor", "dB", retina.decibels(level["RPE"], floor)
    outer = np.abs(x - eye.fovea[0]) > NO_FOVEA
    profiles = [
        retina.aligned_profile(light[:, outer, n], tops[0][outer, n], round(EDGE_REACH / dy), 2)
        for n in range(SECTIONS)
    ]
    yield "10-90 % edge, inner limiting membrane", "µm", 1000 * retina.rise_width(np.mean(profiles, axis=0), dy / 2)
    centre = (x[:, None] - eye.fovea[0]) ** 2 + (z[None, :] - eye.fovea[1]) ** 2 <= CENTRE**2
    maps = np.stack([np.stack(eye.thicknesses(x, n))[RETINA] for n in z], axis=2)[:, centre]
    fluid = np.array([layer.label > 0 for layer in LAYERS[: RETINA.stop]])
    yield "central retinal thickness", "µm", 1000 * float(maps.sum(axis=0).mean())
    yield "the same without fluid", "µm", 1000 * float(maps[~fluid].sum(axis=0).mean())
    for name, label in (("intraretinal", IRF), ("subretinal", SRF), ("sub-epithelial", PED)):
        yield f"{name} fluid, 6 mm", "nl", 1000 * retina.volume(labels == label, scan.spacing)
    in_centre = (labels > 0) & centre[:, None, :]
    yield "all fluid, central 1 mm", "nl", 1000 * retina.volume(in_centre, scan.spacing)


def measure_eyes(folder: Path, values: Values) -> None:
    """OCT phantoms."""
    for group, (device, names) in EYES.items():
        for name in names:
            print(f"{group}: {name}", flush=True)
            eye = Eye.random(Stream("retouch", "full", name, "eye"), device.field)
            for quantity, unit, value in measured_eye(generated("retouch", name, folder), eye, device):
                values[group][quantity, unit].append(value)


def rows(values: Values) -> list[dict[str, object]]:
    """One row for each group and quantity."""
    return [
        dict(zip(COLUMNS, (group, *key, len(found), np.mean(found), np.min(found), np.max(found)), strict=True))
        for group, quantities in values.items()
        for key, found in quantities.items()
    ]


def table(values: Values, groups: Iterable[str]) -> str:
    """Mean and range of some groups side by side, as Markdown."""
    groups = list(groups)
    lines = [f"| | {' | '.join(groups)} |", "|---" * (len(groups) + 1) + "|"]
    for name, unit in dict.fromkeys(key for group in groups for key in values[group]):
        found = [values[group].get((name, unit), []) for group in groups]
        cells = [f"{np.mean(v):.3g} ({np.min(v):.3g} to {np.max(v):.3g})" if v else "" for v in found]
        lines.append(f"| {name}{f', {unit}' if unit else ''} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measures and writes; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("results/realism"))
    folder: Path = parser.parse_args().folder
    values: Values = defaultdict(lambda: defaultdict(list))
    curves = Curves()
    try:
        measure_eyes(folder / "phantoms", values)
        measure_lesions(folder / "phantoms", values, curves)
        measure_brains(folder / "phantoms", values, curves)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write_rows(folder / "realism.csv", COLUMNS, rows(values))
    tables = [("GE", "OASIS"), ("PL", "IXIHH"), ("MS-SEG phantom", *PATIENTS), tuple(EYES)]
    write_whole(folder / "tables.md", "\n".join(table(values, groups) for groups in tables))
    draw(curves, folder / "realism.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
