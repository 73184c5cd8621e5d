import csv
import json

import numpy as np
import pytest
import small_benchmark as small
import torch
import torch_fidelity

from benchmark.config.load import load_dataset
from benchmark.data.slices import SliceStore
from benchmark.judges import autoencoder
from benchmark.judges.autoencoder import load_autoencoder, train_autoencoder
from benchmark.judges.features import EXTRACTOR, extract, load_extractor
from benchmark.metrics.fid import fid
from benchmark.metrics.kid import kid
from benchmark.networks.padding import pad_to_multiple
from benchmark.runtime import paths
from benchmark.training import trainer

FOLDER = paths.autoencoder("small", small.DATASET, small.PAIR, 0)


class Slices(torch.utils.data.Dataset):
    """Slices as torch-fidelity expects them."""

    def __init__(self, images):
        self.images = torch.from_numpy(images)[:, None]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


def judges(**autoencoder):
    standard = small.benchmark_config().judges.model_dump(mode="json")
    return {"judges": {**standard, "autoencoder": {**standard["autoencoder"], **autoencoder}}}


def train(**autoencoder):
    train_autoencoder(small.benchmark_config(**judges(**autoencoder)), small.DATASET, small.PAIR, 0)


def history():
    with (FOLDER / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_trains_without_any_slice_of_a_test_subject():
    small.lay_out(subjects=small.TRAINING)  # reading any other subject raises
    train()
    expected = {"AA": list(small.FOLD.train_source), "BB": list(small.FOLD.train_target)}
    assert json.loads((FOLDER / "run.json").read_text())["subjects"] == expected


def test_is_the_same_to_the_bit_when_trained_again_dropout_and_all():
    small.lay_out()
    train()
    first = small.model_files(FOLDER)
    torch.rand(7)
    train()
    assert small.model_files(FOLDER) == first


def drawn_by(**changes):
    """What the samplers of both scanners draw, and padded slices of the same subjects."""
    small.lay_out(subjects=small.TRAINING)  # two subjects of the source, three of the target
    config = small.benchmark_config(**changes)
    subjects = {"AA": small.FOLD.train_source, "BB": small.FOLD.train_target}
    samplers = autoencoder._samplers(config, load_dataset(small.DATASET), subjects, ("x",))
    store = SliceStore(paths.slices(small.DATASET))
    for domain, sampler in samplers.items():
        whole = np.concatenate([store.image(s) for s in subjects[domain]])
        yield sampler.draw()[0], pad_to_multiple(torch.from_numpy(whole[:, None]), 4).numpy()


@pytest.mark.parametrize(
    ("datasets", "crop"), [({}, (32, 16)), ({"training": {"crop": [16, 16], "batch_size": 1}}, (16, 16))]
)
def test_batches_are_crops_of_the_datasets_size_as_many_of_either_scanner(datasets, crop):
    for images, whole in drawn_by(**judges(batch_size=8), datasets={small.DATASET: datasets}):
        assert images.shape == (4, 1, *crop)
        windows = np.lib.stride_tricks.sliding_window_view(whole[:, 0], crop, axis=(1, 2))
        assert all((windows == image).all((-2, -1)).any() for image in images)
        assert ((images > -1).any((1, 2, 3))).all()


def test_batches_of_whole_slices_are_padded_as_many_of_either_scanner():
    for images, whole in drawn_by(**judges(batch_size=8, crop="whole")):
        assert images.shape == (4, *whole.shape[1:])
        assert all(any(np.array_equal(image, one) for one in whole) for image in images)


def test_recomputing_changes_no_bit():
    small.lay_out()
    train()
    kept = small.model_files(FOLDER)
    train(recompute=True)
    assert small.model_files(FOLDER) == kept


@pytest.mark.parametrize(("variant", "beta1", "layers"), [("paper", 0.9, 2), ("reference", 0.5, 3)])
def test_the_variant_chooses_the_classifier_and_adams_beta(variant, beta1, layers, monkeypatch):
    small.lay_out()
    made, own = [], trainer.Adam
    monkeypatch.setattr(trainer, "Adam", lambda *given, **options: made.append(options) or own(*given, **options))
    train(variant=variant)
    assert made[0]["betas"] == (beta1, 0.999)
    assert sum(isinstance(module, torch.nn.Linear) for module in load_autoencoder(FOLDER).classifier) == layers


def test_losses_are_of_the_domain_and_of_the_image_and_both_fall():
    small.lay_out()
    train(schedule={"unit": "steps", "constant": 30, "decay": 10})
    rows = history()
    first, last = (
        [np.mean([float(r[k]) for r in part]) for k in ("domain", "reconstruction")] for part in (rows[:3], rows[-3:])
    )
    assert first[0] == pytest.approx(np.log(2), abs=0.3)  # nothing known yet: one bit
    assert last[0] < 0.1
    assert last[1] < 0.6 * first[1]


def test_a_logit_above_zero_means_the_target():
    small.lay_out()
    train(schedule={"unit": "steps", "constant": 80, "decay": 80})
    store = SliceStore(paths.slices(small.DATASET))
    network = load_autoencoder(FOLDER)
    with torch.no_grad():
        source, target = (
            network(torch.from_numpy(np.array(store.image(s)))[:, None]).domain_logit for s in ("a1", "b1")
        )
    assert (source < 0).all()
    assert (target > 0).all()


def test_features_are_the_pooled_bottleneck_of_padded_slices_in_double_precision():
    small.lay_out()
    train()
    images = np.random.default_rng(0).uniform(-1, 1, (19, 21, 18)).astype(np.float32)
    found = extract(load_extractor(FOLDER), images)
    network = load_autoencoder(FOLDER)
    with torch.no_grad():
        expected = network.features(pad_to_multiple(torch.from_numpy(images)[:, None], 4)).double()
    assert found.shape == (19, network.feature_dim)
    assert found.dtype == torch.float64
    assert torch.allclose(found, expected, atol=1e-6)


def test_features_of_a_slice_do_not_depend_on_the_others_in_its_batch():
    small.lay_out()
    train()
    random, extractor = np.random.default_rng(0), load_extractor(FOLDER)
    images, others = (random.uniform(-1, 1, (19, 21, 18)).astype(np.float32) for _ in range(2))
    others[[3, 17]] = images[[3, 17]]
    found, beside = extract(extractor, images), extract(extractor, others)
    assert torch.equal(found[[3, 17]], beside[[3, 17]])
    assert not torch.allclose(found[0], beside[0])
    assert torch.allclose(extract(extractor, images[3:4]), found[3:4], atol=1e-5)
    assert found.is_inference()


def test_kid_and_fid_are_what_torch_fidelity_makes_of_the_images_by_its_registered_extractor():
    small.lay_out()
    train()
    random = np.random.default_rng(0)
    images, others = (random.uniform(-1, 1, (n, 24, 24)).astype(np.float32) for n in (90, 80))
    extractor = load_extractor(FOLDER)
    features = [extract(extractor, i) for i in (images, others)]
    published = torch_fidelity.calculate_metrics(
        input1=Slices(images),
        input2=Slices(others),
        feature_extractor=EXTRACTOR,
        feature_extractor_weights_path=FOLDER,
        kid=True,
        kid_subset_size=40,
        kid_subsets=10,
        fid=True,
        cuda=torch.cuda.is_available(),
        save_cpu_ram=True,
        verbose=False,
        rng_seed=3,
    )
    mean, deviation = kid(*features, subsets=10, subset_size=40, seed=3)
    assert mean == pytest.approx(published["kernel_inception_distance_mean"], abs=1e-9)
    assert deviation == pytest.approx(published["kernel_inception_distance_std"], abs=1e-9)
    assert fid(*features) == pytest.approx(published["frechet_inception_distance"], abs=1e-9)
