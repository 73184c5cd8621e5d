"""All quantities of one OCT phantom."""

from collections.abc import Iterator

import numpy as np

from benchmark.archives.subject import Subject
from benchmark.phantoms.fields import grid_positions
from benchmark.phantoms.oct import Device
from benchmark.phantoms.retina import IRF, LAYERS, PED, RETINA, SRF, Eye
from studies.realism import retina

_SECTIONS = 12  # B-scans per eye in which light is measured
_MARGIN, _VITREOUS_MARGIN = 0.008, 0.05  # mm left out at a layer's borders, and before the retina
_SPECKLE_WINDOW = 0.05, 0.25  # mm along depth and across, for the local mean of speckle
_NO_FOVEA = 1.0  # mm from the fovea beyond which nerve fibres are thick enough for an edge
_EDGE_REACH = 0.015  # mm before and behind the inner limiting membrane
_CENTRE = 0.5  # mm: radius of the central subfield


def eye_quantities(subject: Subject, eye: Eye, device: Device) -> Iterator[tuple[str, str, float]]:
    """Name, unit and value of each quantity. The layers' positions are the phantom's, not segmented from the image."""
    assert subject.labels
    scan, labels = subject.image(), np.asarray(subject.labels().data)
    dx, dy, dz = scan.spacing
    columns, rows, sections = scan.data.shape
    x, z = grid_positions(columns, dx), grid_positions(sections, dz)
    chosen = np.linspace(0, sections - 1, _SECTIONS).round().astype(int)
    tops = np.stack([eye.boundaries(x, z[n]) for n in chosen], axis=2) / dy - 0.5  # pixels
    grey = np.asarray(scan.data)[:, :, chosen].transpose(1, 0, 2)
    light = retina.linear_light(grey, device.levels, device.black, device.white)
    depth, margin = np.arange(rows)[:, None, None], _MARGIN / dy
    vitreous = depth < tops[0] - _VITREOUS_MARGIN / dy
    dark = light[vitreous].mean()
    layers, level = {}, {}
    for name in ("RNFL", "IPL", "ONL", "RPE"):
        index = [layer.name for layer in LAYERS].index(name)
        layers[name] = (depth > tops[index] + margin) & (depth < tops[index + 1] - margin)
        level[name] = light[layers[name]].mean() - dark
    reach = _SPECKLE_WINDOW[0] / dy, _SPECKLE_WINDOW[1] / dx
    yield "speckle contrast, inner plexiform layer", "", retina.speckle_contrast(light, layers["IPL"], reach)
    yield "speckle contrast, vitreous", "", retina.speckle_contrast(light, vitreous, reach)
    yield "nerve fibres against outer nuclear layer", "dB", retina.decibels(level["RNFL"], level["ONL"])
    yield "pigment epithelium against vitreous", "dB", retina.decibels(level["RPE"], dark)
    outer = np.abs(x - eye.fovea[0]) > _NO_FOVEA
    profiles = [
        retina.aligned_profile(light[:, outer, n], tops[0][outer, n], round(_EDGE_REACH / dy), 2)
        for n in range(_SECTIONS)
    ]
    yield "10-90 % edge, inner limiting membrane", "µm", 1000 * retina.rise_width(np.mean(profiles, axis=0), dy / 2)
    centre = (x[:, None] - eye.fovea[0]) ** 2 + (z[None, :] - eye.fovea[1]) ** 2 <= _CENTRE**2
    maps = np.stack([np.stack(eye.thicknesses(x, n))[RETINA] for n in z], axis=2)[:, centre]
    fluid = np.array([layer.label > 0 for layer in LAYERS[: RETINA.stop]])
    yield "central retinal thickness", "µm", 1000 * float(maps.sum(axis=0).mean())
    yield "the same without fluid", "µm", 1000 * float(maps[~fluid].sum(axis=0).mean())
    for name, label in (("intraretinal", IRF), ("subretinal", SRF), ("sub-epithelial", PED)):
        yield f"{name} fluid, 6 mm", "nl", 1000 * retina.volume(labels == label, scan.spacing)
    in_centre = (labels > 0) & centre[:, None, :]
    yield "all fluid, central 1 mm", "nl", 1000 * retina.volume(in_centre, scan.spacing)
