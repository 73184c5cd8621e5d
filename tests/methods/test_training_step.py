"""Every method's step against a loop that is written from the paper alone, loss by loss and weight by weight."""

import pytest
import torch
from torch.nn.utils import parametrize
from two_scanners import DEVICE, WEIGHTS, context, in_double, training_set

from benchmark.data.sampling import CropSampler, stream, torch_seed
from benchmark.methods.base import Direction, TrainingSet
from benchmark.methods.registry import create
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.padding import pad_to_multiple
from benchmark.training.schedule import constant_then_linear

pytestmark = pytest.mark.usefixtures("double_precision", "no_dropout_in_unets")
TOLERANCE = 1e-6
TOLERANCE_FLOAT32 = 1e-4


class Paper:
    """Section II-D in plain PyTorch: G, S, f_G and D_X are the source's, F, Q, f_F and D_Y the target's."""

    def __init__(self, method, train, how):
        self.o, self.how = method.options, how
        self.nets = {}
        for domain in ("source", "target"):
            for name, network in method.domain_networks(train.task, how.width).items():
                seed = torch_seed(*how.identity, "initial weights", domain, name)
                initialize_weights(network, torch.Generator().manual_seed(seed))
                self.nets[domain, name] = network.to(DEVICE)
        self.samplers = {
            domain: CropSampler(slices, train.task.crop, train.task.batch_size, stream(*how.identity, "crops", domain))
            for domain, slices in (("source", train.source), ("target", train.target))
        }
        o, rates = self.o, {"generator": self.o.learning_rate_generators, "extractor": self.o.learning_rate_generators}
        if hasattr(o, "learning_rate_segmentors"):
            rates["segmentor"] = o.learning_rate_segmentors
        self.adam = torch.optim.Adam(
            [{"params": n.parameters(), "lr": rates[name]} for (_, name), n in self.nets.items() if name in rates],
            betas=(o.beta1, o.beta2),
        )
        critics = [p for (_, name), n in self.nets.items() if name == "discriminator" for p in n.parameters()]
        self.adam_d = torch.optim.Adam(critics, lr=o.learning_rate_discriminators, betas=(o.beta1, o.beta2))
        self.decay = [constant_then_linear(a, *how.schedule.steps(1)) for a in (self.adam, self.adam_d)]

    def eval(self):
        for network in self.nets.values():
            network.eval()
        return self

    def batch(self, domain):
        images, labels = self.samplers[domain].draw()
        return torch.from_numpy(images).to(DEVICE), torch.from_numpy(labels).to(DEVICE)

    def embedding(self, domain, image, dropout):
        logits = self.nets[domain, "segmentor"](image)
        read = logits.softmax(1) if self.o.extractor_input == "probabilities" else logits
        return self.nets[domain, "extractor"](read, dropout=dropout)

    def translate(self, domain, image, dropout):
        conditioned = (domain, "extractor") in self.nets
        return self.nets[domain, "generator"](image, *([self.embedding(domain, image, dropout)] if conditioned else []))

    def cross_entropy(self, domain, image, labels, kept):
        log_probabilities = torch.log(self.nets[domain, "segmentor"](image).softmax(1))
        each, weights = torch.zeros(labels.shape, device=DEVICE), torch.zeros(labels.shape, device=DEVICE)
        for c, weight in enumerate(WEIGHTS):
            each -= weight * (labels == c) * log_probabilities[:, c]
            weights += weight * (labels == c)
        return each[kept].sum() / (kept.sum() if self.o.cross_entropy_divisor == "pixels" else weights[kept].sum())

    def step(self, crops):
        """``crops``: for each domain images, labels and the pixels that count."""
        o, losses, made = self.o, {}, {}
        total = 0.0
        for here, there in (("source", "target"), ("target", "source")):
            x, labels, kept = crops[here]
            fake = torch.where(kept[:, None], self.translate(here, x, dropout=True), -1.0)
            back = self.translate(there, fake, dropout=False)
            critic = self.nets[there, "discriminator"].eval()
            losses[f"adversarial_{here}"] = ((critic(fake) - 1) ** 2).mean() * (0.5 if o.halved_adversarial else 1)
            losses[f"cycle_{here}"] = (back - x).abs()[kept[:, None]].mean()
            total = total + o.lambda_gan * losses[f"adversarial_{here}"] + o.lambda_cyc * losses[f"cycle_{here}"]
            if getattr(o, "lambda_identity", 0):
                losses[f"identity_{here}"] = (self.nets[there, "generator"](x) - x).abs().mean()
                total = total + o.lambda_identity * losses[f"identity_{here}"]
            if (here, "segmentor") in self.nets:
                losses[f"segmentation_real_{here}"] = self.cross_entropy(here, x, labels, kept)
                losses[f"segmentation_translated_{here}"] = self.cross_entropy(there, fake, labels, kept)
                total = total + o.lambda_seg_real * losses[f"segmentation_real_{here}"]
                total = total + o.lambda_seg_translated * losses[f"segmentation_translated_{here}"]
            made[there] = fake.detach()
        self.adam.zero_grad()
        total.backward()
        self.adam.step()
        self.adam_d.zero_grad()
        for domain in ("source", "target"):
            critic = self.nets[domain, "discriminator"].train()
            with parametrize.cached():  # one power iteration, though real and made images come one after the other
                real, fake = critic(crops[domain][0]), critic(made[domain])
            loss = 0.5 * ((1 - real) ** 2).mean() + 0.5 * (fake**2).mean()
            (o.lambda_gan * loss).backward()
            losses[f"discriminator_{domain}"] = loss
        self.adam_d.step()
        for decay in self.decay:
            decay.step()
        return {name: loss.item() for name, loss in losses.items()}


def everything(batch):
    images, labels = batch
    return images, labels, torch.ones_like(labels, dtype=torch.bool)


def keep_class_one(batch):
    images, labels = batch
    kept = (labels == 0) | (labels == 1)
    return torch.where(kept[:, None], images, -1.0), torch.where(kept, labels, 0), kept


def disagreements(name, options, crops_of=everything, *, steps=2, **data):
    """What differs by more than rounding: losses of every step, gradients of the last, translations afterwards."""
    train = training_set(**data)
    train = TrainingSet(in_double(train.source), in_double(train.target), train.task)
    rows = []
    how = context(steps, log=lambda step, losses: rows.append(losses))
    method = create(name, options)
    method.fit(train, how)

    paper = Paper(method, train, how)
    with torch.random.fork_rng():
        torch.manual_seed(torch_seed(*how.identity, "dropout"))
        expected = [paper.step({d: crops_of(paper.batch(d)) for d in ("source", "target")}) for _ in range(steps)]
    found = {f"losses of step {i}": rows[i] == pytest.approx(expected[i], rel=TOLERANCE) for i in range(steps)}
    found["number of steps"] = len(rows) == steps
    for (domain, network), theirs in paper.nets.items():
        ours = method.networks[domain][network]
        found[f"gradient of {domain} {network}"] = distance(gradient(ours), gradient(theirs)) <= TOLERANCE

    # Images are translated in float32.
    for network in (method.network, *paper.eval().nets.values()):
        network.float()
    for domain, direction, side in zip(("source", "target"), Direction, (train.source, train.target), strict=True):
        padded = pad_to_multiple(torch.from_numpy(side.images[0]).float()[:, None], 32)
        with torch.inference_mode():
            theirs = paper.translate(domain, padded.to(DEVICE), dropout=False).cpu()
        ours = torch.from_numpy(method.translate(padded[:, 0].numpy(), direction))
        found[f"translation of the {domain}"] = distance(ours[:, None], theirs) <= TOLERANCE_FLOAT32
    return [what for what, agrees in found.items() if not agrees]


def distance(found, wanted):
    return (torch.linalg.norm(found - wanted) / torch.linalg.norm(wanted)).item()


def gradient(network):
    return torch.cat([p.grad.flatten() for p in network.parameters()])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cyclegan", {}),
        ("cyclegan", {"official": True}),
        ("cyclegan", {"lambda_gan": 0.5, "lambda_cyc": 3, "learning_rate_generators": 1e-3, "beta1": 0.9}),
        ("s_cyclegan", {}),
        ("s_cyclegan", {"halved_adversarial": False, "lambda_seg_real": 0.5, "lambda_seg_translated": 0.05}),
        ("s_cyclegan", {"variant": "reference"}),
        ("semgan", {"semantic_dropout": 0.0}),
        ("segrenorm", {"embedding_dim": 16}),
        ("segrenorm", {"embedding_dim": 16, "variant": "paper", "gamma": "reference", "block": "reference"}),
        ("segrenorm", {"embedding_dim": 16, "variant": "reference", "learning_rate_segmentors": 1e-3}),
    ],
)
def test_steps_are_the_papers(name, options):
    assert not disagreements(name, options)


@pytest.mark.parametrize("divisor", ["pixels", "weights"])
def test_steps_with_semantic_dropout(divisor):
    # One common class, so that nothing about the subset is random.
    one_class = {"source_classes": (1, 2), "target_classes": (1, 3)}
    options = {"semantic_dropout": 1.0, "cross_entropy_divisor": divisor}
    assert not disagreements("semgan", options, keep_class_one, **one_class)


def test_real_and_made_images_in_one_pass_score_as_apart():
    for options in ({}, {"official": True}):
        critic = create("cyclegan", options).make_discriminator(4)
        initialize_weights(critic, torch.Generator().manual_seed(0))
        real, made = torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(1)).split(1)
        critic.eval()  # no power iteration between the calls
        torch.testing.assert_close(critic(torch.cat([real, made])), torch.cat([critic(real), critic(made)]))
