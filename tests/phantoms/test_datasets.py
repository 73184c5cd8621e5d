"""The datasets on disk: layout, headers, labels, and truth with the same anatomy."""

import re

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from benchmark.phantoms import ixi, msseg, retouch
from benchmark.phantoms.retina import IRF, PED, SRF

pytestmark = pytest.mark.processes  # these generate the datasets
SMALL_FIELD = (4.0, 0.96, 4.0)


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def load(path):
    """Voxels, and affine from indices to RAS mm."""
    image = nib.load(path)
    return np.asanyarray(image.dataobj).astype(float), image.affine


def on_grid_of(moving, reference):
    """A volume at the world positions of another's voxels."""
    (data, affine), (fixed, fixed_affine) = moving, reference
    change = np.linalg.inv(affine) @ fixed_affine
    return ndimage.affine_transform(data, change[:3, :3], change[:3, 3], fixed.shape, order=1)


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def oct_volume(path):
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), image


# IXI


def test_ixi_layout(tiny):
    names = files(tiny / "ixi")
    images = {name for name in names if name.startswith("IXI-T1/")}
    assert all(re.fullmatch(r"IXI-T1/IXI\d{3}-(IOP|HH)-\d{4}-T1\.nii\.gz", name) for name in images)
    sources = {name.split("/")[1] for name in images if "-IOP-" in name}
    assert len(sources) == 4
    assert len(images) == 8
    labels = {name.replace("IXI-T1/", "labels/") for name in images}
    assert names - images - labels == {f"truth/PL/{kind}/{name}" for kind in ("clean", "noisy") for name in sources}


def test_ixi_subjects_have_numbers_of_their_own(tiny):
    numbers = [path.name[:6] for path in (tiny / "ixi/IXI-T1").iterdir()]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > "IXI662", "the last of the archive"


def test_ixi_headers(tiny):
    for path in (tiny / "ixi/IXI-T1").iterdir():
        scanner = (ixi.SOURCE if "-IOP-" in path.name else ixi.TARGET).scaled(4.8)
        image = nib.load(path)
        assert image.get_data_dtype() == np.int16
        assert "".join(nib.aff2axcodes(image.affine)) == "PSR"
        right, front, top = scanner.matrix
        assert image.shape == (front, top, right)
        assert image.header.get_zooms() == pytest.approx((4.5, 4.5, 5.76))


def test_ixi_contrast(tiny):
    """Bright brain on a dark, noisy background; the ventricles darker than the white matter beside them."""
    for path in (tiny / "ixi/IXI-T1").iterdir():
        data, _ = load(path)
        edge = np.concatenate([data[:2].ravel(), data[-2:].ravel()])
        assert 0 < edge.mean() < 0.15 * np.percentile(data, 99)


def test_ixi_labels_are_the_tissues_of_the_image(tiny):
    """Fluid is darkest and white matter brightest, on each scanner."""
    for path in (tiny / "ixi/IXI-T1").iterdir():
        (data, affine), (labels, other) = load(path), load(tiny / "ixi/labels" / path.name)
        assert np.array_equal(affine, other)
        outside, fluid, grey, white = (np.median(data[labels == value]) for value in range(4))
        assert outside < fluid < grey < white


def test_ixi_truth_is_the_same_head(tiny):
    truth = tiny / "ixi/truth/PL"
    sources = sorted((tiny / "ixi/IXI-T1").glob("*-IOP-*"))
    for path, other in zip(sources, [*sources[1:], sources[0]], strict=True):
        own = load(path)
        brain = own[0] > 0.35 * np.percentile(own[0], 99)
        overlap = {}
        for name in (path.name, other.name):
            seen = load(truth / "clean" / name)
            overlap[name] = dice(brain, on_grid_of(seen, own) > 0.35 * np.percentile(seen[0], 99))
        assert overlap[path.name] > 0.95 > overlap[other.name] + 0.01


def test_ixi_truth_has_the_targets_geometry_and_contrast(tiny):
    target = nib.load(next((tiny / "ixi/IXI-T1").glob("*-HH-*")))
    for clean in (tiny / "ixi/truth/PL/clean").iterdir():
        noisy = tiny / "ixi/truth/PL/noisy" / clean.name
        assert nib.load(clean).shape == nib.load(noisy).shape == target.shape
        difference = load(noisy)[0] - load(clean)[0]
        brain = load(clean)[0] > 0.5 * np.percentile(load(clean)[0], 99)
        noise = difference[brain].std() / load(clean)[0][brain].mean()
        assert noise == pytest.approx(ixi.TARGET.noise, rel=0.4)


# MS-SEG


def test_msseg_layout(tiny):
    names = files(tiny / "msseg")
    patients = [f"{centre}/Patient_{n:02d}" for centre in msseg.CENTRES for n in range(1, 4)]
    training = {
        f"Training/{patient}/{file}"
        for patient in patients
        for file in ("Preprocessed_Data/FLAIR_preprocessed.nii.gz", "Masks/Consensus.nii.gz", "Masks/Brain_Mask.nii.gz")
    }
    pairs = [("Center_07", "SV"), ("Center_07", "PI"), ("Center_01", "PI")]
    truth = {
        f"truth/{target}/{kind}/{patient}/FLAIR_preprocessed.nii.gz"
        for centre, target in pairs
        for kind in ("clean", "noisy")
        for patient in patients
        if patient.startswith(centre)
    }
    assert names == training | truth


@pytest.mark.parametrize("centre", ["Center_01", "Center_07", "Center_08"])
def test_msseg_headers_and_labels(tiny, centre):
    scanner = msseg.CENTRES[centre].scaled(4.8)
    for patient in (tiny / "msseg/Training" / centre).iterdir():
        flair = nib.load(patient / "Preprocessed_Data/FLAIR_preprocessed.nii.gz")
        lesions, brain = nib.load(patient / "Masks/Consensus.nii.gz"), nib.load(patient / "Masks/Brain_Mask.nii.gz")
        assert flair.get_data_dtype() == np.int16
        assert lesions.get_data_dtype() == brain.get_data_dtype() == np.uint8
        assert flair.shape == lesions.shape == brain.shape == scanner.matrix
        assert flair.header.get_zooms() == pytest.approx(scanner.voxel)
        assert "".join(nib.aff2axcodes(flair.affine)) == scanner.axes
        np.testing.assert_array_equal(flair.affine, lesions.affine)
        np.testing.assert_array_equal(flair.affine, brain.affine)
        data, lesion, inside = (np.asarray(image.dataobj) for image in (flair, lesions, brain))
        assert np.unique(lesion).tolist() == [0, 1]
        assert np.unique(inside).tolist() == [0, 1]
        assert inside[lesion == 1].all()
        assert (data[inside == 0] == 0).all(), "brain-extracted"
        tissue = data[(inside == 1) & (lesion == 0)]
        # Voxels of 5 mm blur lesions; still most of each is brighter than three quarters of the rest of the brain.
        assert np.median(data[lesion == 1]) > np.percentile(tissue, 75), "lesions are bright"


def test_msseg_truth_shows_the_same_lesions(tiny):
    for clean in (tiny / "msseg/truth").glob("*/clean/*/*/*.nii.gz"):
        patient = tiny / "msseg/Training" / clean.parent.parent.name / clean.parent.name
        lesions = load(patient / "Masks/Consensus.nii.gz")
        brain = load(patient / "Masks/Brain_Mask.nii.gz")
        seen = on_grid_of(load(clean), brain)
        assert dice(brain[0] == 1, seen > 0) > 0.9
        assert np.median(seen[lesions[0] == 1]) > np.percentile(seen[(brain[0] == 1) & (lesions[0] == 0)], 75)


def test_msseg_truth_has_the_targets_geometry(tiny):
    for centre, scanner in msseg.CENTRES.items():
        for path in (tiny / "msseg/truth" / scanner.code).rglob("*.nii.gz"):
            assert nib.load(path).shape == scanner.scaled(4.8).matrix, centre


# RETOUCH


def test_retouch_layout(tiny):
    eyes = retouch.subjects("tiny")
    volumes = {f"{eye}/{name}.{end}" for eye in eyes for name in ("oct", "reference") for end in ("mhd", "raw")}
    truth = {
        f"truth/SP/{kind}/{eye.split('/')[1]}/oct.{end}"
        for eye in eyes
        if "Cirrus" in eye
        for kind in ("clean", "noisy")
        for end in ("mhd", "raw")
    }
    assert files(tiny / "retouch") == volumes | truth
    assert {eye.split("/")[1] for eye in eyes} == {f"TRAIN{n:03d}" for n in (1, 2, 3, 4, 25, 26, 27, 28)}


@pytest.mark.parametrize(("vendor", "number"), [("Cirrus", 0), ("Spectralis", 1)])
def test_retouch_headers_and_labels(tiny, vendor, number):
    sampling = retouch.SIZES["tiny"][number]
    seen = set()
    for eye in (tiny / "retouch" / f"RETOUCH-TrainingSet-{vendor}").iterdir():
        data, image = oct_volume(eye / "oct.mhd")
        labels, reference = oct_volume(eye / "reference.mhd")
        assert data.dtype == (np.uint8 if vendor == "Cirrus" else np.uint16), "as in the archive"
        assert labels.dtype == np.uint8
        assert image.GetSize() == (sampling.columns, sampling.rows, sampling.b_scans)
        assert reference.GetSize() == image.GetSize()
        extent = np.multiply(image.GetSize(), image.GetSpacing())
        np.testing.assert_allclose(extent, SMALL_FIELD)
        np.testing.assert_allclose(image.GetOrigin(), np.divide(image.GetSpacing(), 2))
        assert reference.GetOrigin() == image.GetOrigin()
        assert reference.GetSpacing() == image.GetSpacing()
        assert set(np.unique(labels)) <= {0, IRF, SRF, PED}
        seen |= set(np.unique(labels))
        full_scale = np.iinfo(data.dtype).max
        fluid = labels > 0
        around = ndimage.binary_dilation(fluid, np.ones((1, 5, 5))) & ~fluid
        assert data[fluid].mean() < 0.9 * data[around].mean(), "fluid is dark"
        assert data.max() > 0.8 * full_scale
    assert seen == {0, IRF, SRF, PED}


def test_retouch_devices_share_the_field(tiny):
    """Every B-scan of Spectralis lies on one of Cirrus."""
    cirrus, spectralis, _ = retouch.SIZES["small"]
    z = [(np.arange(s.b_scans) + 0.5) * s.spacing[2] for s in (cirrus, spectralis)]
    np.testing.assert_allclose(z[0][1::3], z[1])


def test_retouch_truth_is_the_same_eye(tiny):
    """In the target's geometry and depth of colour; like its own source, unlike the next one."""
    folder = tiny / "retouch/RETOUCH-TrainingSet-Cirrus"
    eyes = sorted(path.name for path in folder.iterdir())
    target = oct_volume(tiny / "retouch/RETOUCH-TrainingSet-Spectralis/TRAIN025/oct.mhd")
    for eye, other in zip(eyes, [*eyes[1:], eyes[0]], strict=True):
        volume = oct_volume(folder / eye / "oct.mhd")[0].astype(float)
        coarse = volume.reshape(volume.shape[0], -1, 2, volume.shape[2]).mean(axis=2)[1::3]
        likeness = {}
        for name in (eye, other):
            truth = oct_volume(tiny / "retouch/truth/SP/clean" / name / "oct.mhd")
            assert truth[0].shape == target[0].shape
            assert truth[0].dtype == np.uint16
            assert truth[1].GetSpacing() == target[1].GetSpacing()
            likeness[name] = correlation(coarse, truth[0])
        assert likeness[eye] > 0.85
        assert likeness[eye] > likeness[other] + 0.1


def test_noise_of_the_devices(tiny):
    """Speckle is averaged on Spectralis alone."""
    noisy = oct_volume(tiny / "retouch/truth/SP/noisy/TRAIN001/oct.mhd")[0].astype(float)
    clean = oct_volume(tiny / "retouch/truth/SP/clean/TRAIN001/oct.mhd")[0].astype(float)
    assert correlation(noisy, clean) > 0.93
    assert (noisy != clean).mean() > 0.9


def test_a_slab_has_the_scanners_own_voxels(tmp_path):
    """The small size shows a part of the head at the archive's resolution, and lesions there."""
    msseg.write("Center_07/Patient_01", "small", tmp_path)
    patient = tmp_path / "Training/Center_07/Patient_01"
    brain, affine = load(patient / "Masks/Brain_Mask.nii.gz")
    lesions, _ = load(patient / "Masks/Consensus.nii.gz")
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), msseg.SA.voxel, rtol=1e-5)
    up = int(np.argmax(np.abs(affine[2, :3])))
    planes = np.moveaxis(brain, up, 0).sum(axis=(1, 2))
    assert len(planes) == round(30 / msseg.SA.voxel[2])
    assert planes.min() > 0.8 * planes.max(), "no plane is outside the head or at the edge of the anatomy"
    spots, count = ndimage.label(lesions)
    assert 5 <= count <= 60
    assert np.median(np.bincount(spots.ravel())[1:]) > 20
    assert {path.name for path in (tmp_path / "truth").iterdir()} == {"PI"}, "the small size lacks the other scanner"


# All kinds


def test_no_two_subjects_are_the_same_person(tiny):
    """Neither within a scanner nor between the scanners of a pair."""
    for pattern in ("ixi/IXI-T1/*", "msseg/Training/*/*/Masks/Brain_Mask.nii.gz"):
        heads = []
        for path in sorted(tiny.glob(pattern)):
            data, affine = load(path)
            mask = data > 0.35 * np.percentile(data, 99.5)
            heads.append((mask.sum(), abs(np.linalg.det(affine[:3, :3])) * mask.sum()))
        volumes = np.array([volume for _, volume in heads])
        assert len(np.unique(volumes.round(3))) == len(volumes)
        assert volumes.std() > 0.02 * volumes.mean()
    references = [oct_volume(path)[0].tobytes() for path in tiny.glob("retouch/RETOUCH*/*/reference.mhd")]
    assert len(set(references)) == len(references)


def test_full_size_has_the_archives_counts_and_voxels():
    assert (ixi.SIZES["full"], len(ixi.subjects("full"))) == ((1.0, 74, 167), 241)
    assert len(msseg.subjects("full")) == 15
    assert len(retouch.subjects("full")) == 48
    cirrus, spectralis, _ = retouch.SIZES["full"]
    assert (cirrus.columns, cirrus.rows, cirrus.b_scans) == (512, 1024, 128)
    assert (spectralis.columns, spectralis.rows, spectralis.b_scans) == (512, 496, 49)
    assert ixi.SOURCE.matrix == (146, 256, 256)
    assert ixi.TARGET.matrix == (150, 256, 256)
    assert {s.code: s.matrix for s in msseg.CENTRES.values()} == {
        "SA": (128, 224, 256), "SV": (144, 512, 512), "PI": (261, 336, 336),
    }  # fmt: skip
