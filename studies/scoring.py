"""What harmonizing and scoring cost, beside a loop that goes slice by slice and shares nothing between metrics.

    python -m studies.scoring [--size demo|paper] [--rounds N]

Prints a table of milliseconds a slice (median) and of how many times as long the loop takes (median of the ratios of
runs that follow each other). Both must give the same numbers, or it ends with an error. Time is that of the processor,
or where there is a GPU of the clock. Networks have random weights and images are noise; sizes are those of the demo's
and of the paper's IXI, of the latter few slices.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from benchmark.config.base import Schedule, Strict
from benchmark.config.load import load_dataset
from benchmark.data.slices import Images, Labels
from benchmark.judges.features import extract, load_extractor
from benchmark.judges.segmentor import Segmentor
from benchmark.methods.base import Direction, FitContext, TaskInfo
from benchmark.methods.learned import LearnedMethod
from benchmark.methods.registry import create as create_method
from benchmark.metrics.hd95 import HausdorffDistance95
from benchmark.metrics.inputs import Segmentation
from benchmark.metrics.kid import kid
from benchmark.metrics.overlap import Overlap
from benchmark.metrics.preservation import volumes
from benchmark.metrics.scanner import cross_validated_accuracy
from benchmark.metrics.sensitivity import Sensitivity, SensitivityOptions, add_noise, area
from benchmark.metrics.view import CellView
from benchmark.networks.autoencoder import MultitaskAutoencoder
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.segmentation_unet import SegmentationUNet, unet_depth
from benchmark.training.device import inference_device, place
from benchmark.training.saved import save_networks

METHODS = ("cyclegan", "segrenorm")  # the cheapest and the dearest to translate with
CLASSES = 4
SETS = 4  # of slices: of the target, and of the source before and after each of two methods
SUBJECTS = 2  # in each of these sets
Network = TypeVar("Network", bound=nn.Module)
Numbers = npt.NDArray[Any]
Work = Callable[[], Numbers]


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Attributes:
        shape: slices of a subject, rows and columns.
        crop: side of the crops of training, which decides how deep a segmentor is.
        width: channels of the first layer of generators and of the autoencoder.
        segmentor_width: of a segmentor.
        initial_std: standard deviation of the weights.
    """

    shape: tuple[int, int, int]
    crop: int
    width: int
    segmentor_width: int
    initial_std: float


SIZES = {
    "demo": Size((21, 80, 64), crop=64, width=8, segmentor_width=12, initial_std=0.057),
    "paper": Size((2, 224, 192), crop=128, width=64, segmentor_width=64, initial_std=0.02),
}


def noise(size: Size, *seed: int) -> Images:
    """A subject."""
    return np.random.default_rng(seed).uniform(-1, 1, size.shape).astype(np.float32)


def one_by_one(work: Callable[[Images], Any], images: Images) -> list[Any]:
    """What a function of (slices, rows, columns) makes of each slice alone."""
    return [work(images[z : z + 1]) for z in range(len(images))]


def method_of(name: str, size: Size) -> LearnedMethod:
    """A learned method with its initial weights."""
    method = create_method(name, {})
    assert isinstance(method, LearnedMethod)
    crop, weights = (size.crop, size.crop), (1.0,) * CLASSES
    task = TaskInfo(CLASSES, weights, "dense", crop, batch_size=2, slice_shape=size.shape[1:])
    schedule = Schedule(unit="steps", constant=1, decay=0)
    method.begin(task, FitContext(size.width, schedule, ("scoring",), initial_std=size.initial_std))
    place(method.network, inference_device())
    return method


def drawn(network: Network, size: Size) -> Network:
    """A judge with random weights."""
    initialize_weights(network, torch.Generator().manual_seed(0), size.initial_std)
    return network.eval()


def harmonizing(name: str, size: Size) -> tuple[Work, Work]:
    """Translation of a subject."""
    method, images = method_of(name, size), noise(size)
    return lambda: method.translate(images), lambda: np.concatenate(one_by_one(method.translate, images))


def sensitivity(name: str, size: Size) -> tuple[Work, Work]:
    """Both curves of a subject, and the areas under them."""
    method, images, metric = method_of(name, size), noise(size), Sensitivity(SensitivityOptions())
    subject, sigmas = "s", metric.options.sigmas
    view = SimpleNamespace(
        subjects=(subject,),
        images={subject: images},
        translated_back=partial(method.translate, direction=Direction.BACKWARD),
        pair=SimpleNamespace(identity=("scoring",)),
        artifact=lambda *_, **__: None,
    )

    def shared() -> Numbers:
        return np.array([row.value for row in metric.compute(cast(CellView, view))])

    back = partial(method.translate, direction=Direction.BACKWARD)

    def naive() -> Numbers:
        curve = []
        for sigma in sigmas:
            there = one_by_one(back, images)
            noisy = one_by_one(back, add_noise(images, sigma, "scoring", subject))
            curve.append(np.mean([_distances(*pair) for pair in zip(noisy, there, strict=True)], axis=0))
        return np.array([*np.concatenate(curve), *(area(sigmas, values) for values in np.array(curve).T)])

    return shared, naive


def _distances(noisy: Images, clean: Images) -> tuple[float, float]:
    x, y = (image[0].astype(np.float64) for image in (noisy, clean))
    settings: dict[str, Any] = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(np.mean((x - y) ** 2)), float(structural_similarity(x, y, data_range=2.0, **settings))


def segmentation(_: str, size: Size) -> tuple[Work, Work]:
    """Overlap, HD95 and volumes of a subject, all of what one segmentor finds in it."""
    dataset, images = load_dataset("ixi"), noise(size)
    network = SegmentationUNet(CLASSES, depth=unet_depth(size.crop, size.crop), width=size.segmentor_width)
    segmentor = Segmentor(drawn(network, size))
    reference = np.random.default_rng(1).integers(0, CLASSES, size.shape, np.uint8)
    metrics = [Overlap(Strict()), HausdorffDistance95(Strict())]
    uses: list[Callable[[Segmentation], list[float]]] = [
        lambda found: volumes(found, list(dataset.labels.values())).tolist(),
        *(lambda found, m=metric: [row.value for row in m.compare(found, dataset)] for metric in metrics),
    ]

    def scored(predictions: Iterator[Labels]) -> Numbers:
        found = (Segmentation("s", prediction, reference, (1.0, 1.0, 1.0)) for prediction in predictions)
        return np.concatenate([use(one) for use, one in zip(uses, found, strict=True)])

    def shared() -> Numbers:
        prediction = segmentor.predict(images)
        return scored(prediction for _ in uses)

    return shared, lambda: scored(np.concatenate(one_by_one(segmentor.predict, images)) for _ in uses)


def fidelity(_: str, size: Size) -> tuple[Work, Work]:
    """KID and scanner classification of every set against that of the target."""
    with TemporaryDirectory() as folder:
        network = drawn(MultitaskAutoencoder(size.width), size)
        description = {"kind": "autoencoder", "architecture": {"width": size.width}}
        save_networks(Path(folder), {"autoencoder": network}, description)
        extractor = load_extractor(Path(folder))
    target, *sources = ([noise(size, number, subject) for subject in range(SUBJECTS)] for number in range(SETS))

    def scored(features: Callable[[list[Images]], list[Tensor]]) -> Numbers:
        numbers = []
        for source in sources:
            there, here = torch.cat(features(target)), torch.cat(features(source))
            numbers.append(kid(here, there, 100, len(here) - 1, 0)[0])
            arrays = ([f.numpy() for f in features(side)] for side in (source, target))
            numbers.append(cross_validated_accuracy(*arrays))
        return np.array(numbers)

    def shared() -> Numbers:
        kept = {id(side): [extract(extractor, images) for images in side] for side in (target, *sources)}
        return scored(lambda side: kept[id(side)])

    def alone(images: Images) -> Tensor:
        return torch.cat(one_by_one(partial(extract, extractor), images))

    return shared, lambda: scored(lambda side: [alone(images) for images in side])


PARTS: dict[str, tuple[Callable[[str, Size], tuple[Work, Work]], str, int]] = {
    **{f"harmonizing, {name}": (harmonizing, name, 1) for name in METHODS},
    **{f"sensitivity, {name}": (sensitivity, name, 1) for name in METHODS},
    "segmentation": (segmentation, "", 1),
    "fidelity": (fidelity, "", SETS * SUBJECTS),
}
"""What makes both ways of doing a part, of which method, and of how many subjects."""


def seconds(work: Work) -> tuple[float, Numbers]:
    """How long it took, and what came of it."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    begun = clock()
    numbers = work()
    return clock() - begun, numbers


def main() -> None:
    """Measures, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="demo")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    size = SIZES[given.size]
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    print(f"{where}; PyTorch {torch.__version__}; {' × '.join(map(str, size.shape))}, w {size.width}")
    for title, (part, name, subjects) in PARTS.items():
        works, times = part(name, size), []
        for round_ in range(given.rounds + 1):
            order = (0, 1) if round_ % 2 else (1, 0)
            taken = {which: seconds(works[which]) for which in order}
            np.testing.assert_allclose(taken[0][1], taken[1][1], rtol=1e-3, atol=1e-4)
            times.append((taken[0][0], taken[1][0]))
        own, loop = np.array(times[1:]).T  # the first is slow
        middle = 1000 * float(np.median(own)) / (subjects * size.shape[0])
        print(f"{title:24} {middle:9.1f} ms a slice, the loop {float(np.median(loop / own)):5.2f} times", flush=True)


if __name__ == "__main__":
    main()
