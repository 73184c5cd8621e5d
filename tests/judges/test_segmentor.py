import csv
import json

import numpy as np
import pytest
import small_benchmark as small
import torch
import torch.nn.functional as F

from benchmark.data.slices import SliceStore
from benchmark.judges.segmentor import load_segmentor, train_segmentor, weighted_cross_entropy
from benchmark.networks.padding import crop_back, pad_to_multiple
from benchmark.networks.residual_unet import ResidualUNet
from benchmark.runtime import paths
from benchmark.runtime.errors import ModelError
from benchmark.training.description import read_description
from benchmark.training.saved import save_networks


def folder(domain="AA", fold=0):
    return paths.segmentor("small", small.DATASET, domain, fold)


def run(where):
    return json.loads((where / "run.json").read_text())


def judges(**segmentor):
    standard = small.benchmark_config().judges.model_dump(mode="json")
    return {"judges": {**standard, "segmentor": {**standard["segmentor"], **segmentor}}}


@pytest.mark.parametrize(("domain", "trained_on"), [("AA", small.FOLD.train_source), ("BB", small.FOLD.train_target)])
def test_trains_without_any_slice_of_a_test_subject(domain, trained_on):
    small.lay_out(subjects=trained_on)  # reading any other subject raises
    train_segmentor(small.benchmark_config(), small.DATASET, domain, 0)
    assert run(folder(domain))["subjects"] == list(trained_on)


def test_each_fold_trains_on_its_own_subjects():
    other = small.Fold(("a1", "a3"), ("b1", "b4"), ("a2",), ("b2",))
    small.lay_out(folds=(small.FOLD, other))
    train_segmentor(small.benchmark_config(), small.DATASET, "AA", 1)
    assert run(folder(fold=1))["subjects"] == ["a1", "a3"]


def test_is_the_same_to_the_bit_when_trained_again_and_another_for_another_fold():
    small.lay_out(folds=(small.FOLD, small.FOLD))
    config = small.benchmark_config()
    train_segmentor(config, small.DATASET, "AA", 0)
    first = small.model_files(folder())
    torch.manual_seed(5)
    train_segmentor(config, small.DATASET, "AA", 0)
    assert small.model_files(folder()) == first
    train_segmentor(config, small.DATASET, "AA", 1)
    assert small.model_files(folder(fold=1))["segmentor.safetensors"] != first["segmentor.safetensors"]


def test_learns_to_segment_its_domain():
    small.lay_out()
    schedule = {"unit": "steps", "constant": 80, "decay": 40}
    train_segmentor(small.benchmark_config(**judges(schedule=schedule)), small.DATASET, "AA", 0)
    store = SliceStore(paths.slices(small.DATASET))
    prediction = load_segmentor(folder()).predict(store.image("a3"))
    assert np.mean(prediction == store.labels("a3")) > 0.95


@pytest.mark.parametrize("network", ["unet", "residual_unet"])
def test_the_config_chooses_the_network(network):
    small.lay_out()
    train_segmentor(small.benchmark_config(**judges(network=network)), small.DATASET, "AA", 0)
    first = small.model_files(folder())
    assert isinstance(load_segmentor(folder())._network, ResidualUNet) == (network == "residual_unet")
    assert small.benchmark_config().judges.segmentor.network == "unet"
    torch.rand(7)
    train_segmentor(small.benchmark_config(**judges(network=network)), small.DATASET, "AA", 0)
    assert small.model_files(folder()) == first  # dropout and all


def test_history_follows_the_schedule_and_the_loss_falls():
    small.lay_out()
    train_segmentor(small.benchmark_config(), small.DATASET, "AA", 0)
    with (folder() / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(r["step"]) for r in rows] == list(range(1, 9))
    rates = [float(r["learning_rate"]) for r in rows]
    assert rates == pytest.approx([0.01] * 4 + [0.01 * k / 5 for k in (4, 3, 2, 1)])
    assert float(rows[-1]["cross_entropy"]) < float(rows[0]["cross_entropy"])


def test_an_epoch_is_as_many_steps_as_the_training_slices_fill():
    small.lay_out()
    schedule = {"unit": "epochs", "constant": 1, "decay": 1}
    train_segmentor(small.benchmark_config(**judges(schedule=schedule)), small.DATASET, "BB", 0)
    slices = len(small.FOLD.train_target) * small.SHAPE[0]
    steps = 2 * (slices // 2)  # two epochs in batches of two
    assert (folder("BB") / "history.csv").read_text().splitlines()[-1].startswith(f"{steps},")


def test_cross_entropy_is_pytorchs_of_images_and_the_hand_computed_one():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=random)
    labels = torch.randint(3, (2, 4, 5), generator=random)
    weights = torch.tensor([0.2, 0.8, 0.8])
    assert torch.allclose(weighted_cross_entropy(logits, labels, weights), F.cross_entropy(logits, labels, weights))
    # Two pixels, logits (0, log 3): p = (1/4, 3/4); labels background and foreground.
    logits = torch.tensor([0.0, float(np.log(3.0))]).view(1, 2, 1, 1).expand(1, 2, 1, 2)
    expected = (0.2 * np.log(4) + 0.8 * np.log(4 / 3)) / (0.2 + 0.8)
    found = weighted_cross_entropy(logits, torch.tensor([[[0, 1]]]), torch.tensor([0.2, 0.8]))
    assert float(found) == pytest.approx(expected)


def test_class_weights_come_from_the_dataset():
    small.lay_out()
    train_segmentor(small.benchmark_config(), small.DATASET, "AA", 0)
    first = small.model_files(folder())["segmentor.safetensors"]
    small.lay_out(dataset={"class_weights": {"background": 0.5, "foreground": 0.5}})
    train_segmentor(small.benchmark_config(), small.DATASET, "AA", 0)
    assert small.model_files(folder())["segmentor.safetensors"] != first


def test_whole_slices_are_padded_cropped_back_and_independent_of_their_batch():
    small.lay_out()
    train_segmentor(small.benchmark_config(), small.DATASET, "AA", 0)
    segmentor = load_segmentor(folder())
    images = np.random.default_rng(0).uniform(-1, 1, (18, 21, 19)).astype(np.float32)
    prediction = segmentor.predict(images)
    assert np.array_equal(segmentor.predict(images[7:8])[0], prediction[7])
    assert np.array_equal(segmentor.predict(images[::-1])[::-1], prediction)
    assert prediction.shape == images.shape
    assert prediction.dtype == np.uint8
    network = segmentor._network.cpu()
    with torch.inference_mode():
        logits = network(pad_to_multiple(torch.from_numpy(images[:, None]), network.required_multiple))
    expected = crop_back(logits, 21, 19).argmax(1).numpy()
    assert np.mean(prediction == expected) > 0.999  # rounding may differ with the memory format


def test_a_judge_that_diverges_ends_the_run():
    small.lay_out()
    with pytest.raises(
        ModelError, match=r"diverged: cross_entropy not finite at step \d+ of 8. Lower its learning rate"
    ):
        train_segmentor(small.benchmark_config(**judges(learning_rate=1e20)), small.DATASET, "AA", 0)
    assert not folder().exists()


def test_a_judge_that_was_not_trained_is_one_message():
    with pytest.raises(ModelError, match="holds no trained model"):
        load_segmentor(folder())


def test_says_where_it_comes_from():
    small.lay_out()
    train_segmentor(small.benchmark_config(), small.DATASET, "BB", 0)
    found = run(folder("BB"))
    assert {k: found[k] for k in ("judge", "dataset", "domain", "fold")} == {
        "judge": "segmentor",
        "dataset": small.DATASET,
        "domain": "BB",
        "fold": 0,
    }
    assert found["parameters"] == sum(p.numel() for p in load_segmentor(folder("BB"))._network.parameters())
    assert found["wall_seconds"] > 0
    assert set(found["data"]) == {"slices_sha256", "splits_sha256"}


@pytest.mark.parametrize("description", [{}, {"architecture": {"classes": "x"}}, {"architecture": {"depth": 0}}, []])
def test_a_damaged_description_is_told(description):
    small.lay_out()
    train_segmentor(small.benchmark_config(), small.DATASET, "AA", 0)
    (folder() / "model.json").write_text(json.dumps(description))
    with pytest.raises(ModelError, match=r"model.json: is damaged"):
        load_segmentor(folder())


def test_weights_that_are_not_finite_are_told():
    small.lay_out()
    train_segmentor(small.benchmark_config(), small.DATASET, "AA", 0)
    network = load_segmentor(folder())._network
    with torch.no_grad():
        for weights in network.parameters():
            weights.fill_(torch.nan)
    save_networks(folder(), {"segmentor": network}, read_description(folder()))
    with pytest.raises(ModelError, match=r"segmentor.safetensors: holds weights that are not finite"):
        load_segmentor(folder())
