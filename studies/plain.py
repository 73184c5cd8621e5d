"""Adversarial training as one writes it first, in eager float32: the reference for measurements of speed.

The networks are those of ``benchmark.networks`` as they are. Each discriminator sees real and made images one after the
other, both directions go into one backward pass, and losses are read after each step, as in the official implementation
of CycleGAN.
``tests/methods/test_plain.py`` shows that the benchmark's own training has the same losses.
"""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam

from benchmark.methods.crops import Crops
from benchmark.methods.cycle import CycleMethod, Pair
from benchmark.methods.options import SegmentationOptions
from benchmark.networks.twins import DOMAINS, Twins
from methods.s_cyclegan import segment


class PlainTraining:
    """Trains copies of a method's networks.

    Args:
        method: whose options and task are read, and whose networks are not accelerated.
    """

    def __init__(self, method: CycleMethod, device: torch.device) -> None:
        self._options, self._weights = method.options, torch.tensor(method.task.class_weights)
        self._probabilities = getattr(method.options, "extractor_input", "logits") == "probabilities"
        self._networks: Twins = deepcopy(method.networks).to(device)
        betas = (self._options.beta1, self._options.beta2)
        groups = [
            {"params": [p for d in DOMAINS for p in self._networks[d][role].parameters()], "lr": rate}
            for role, rate in method.learning_rates().items()
        ]
        self._translators = Adam(groups, betas=betas)
        discriminators = [p for d in DOMAINS for p in self._discriminator(d).parameters()]
        self._discriminators = Adam(discriminators, lr=self._options.learning_rate_discriminators, betas=betas)

    def step(self, crops: Pair) -> dict[str, float]:
        """One step; losses before weighting."""
        losses: dict[str, Tensor] = {}
        made: dict[str, Tensor] = {}
        for domain in DOMAINS:
            self._discriminator(domain).requires_grad_(False).eval()
        self._translators.zero_grad()
        whole = torch.zeros((), device=crops.source.images.device)
        for here, there in (DOMAINS, DOMAINS[::-1]):
            found, made[there] = self._translate(here, there, crops[here])
            whole = whole + sum(weight * loss for weight, loss in found.values())
            losses |= {f"{name}_{here}": loss for name, (_, loss) in found.items()}
        whole.backward()
        self._translators.step()
        self._discriminators.zero_grad()
        for domain in DOMAINS:
            discriminator = self._discriminator(domain).requires_grad_(True)
            real = discriminator.train()(crops[domain].images)
            fake = discriminator.eval()(made[domain].detach())  # one power iteration an update
            loss = 0.5 * F.mse_loss(real, torch.ones_like(real)) + 0.5 * F.mse_loss(fake, torch.zeros_like(fake))
            (self._options.lambda_gan * loss).backward()
            losses[f"discriminator_{domain}"] = loss
        self._discriminators.step()
        return {name: loss.item() for name, loss in losses.items()}

    def _translate(self, here: str, there: str, crops: Crops) -> tuple[dict[str, tuple[float, Tensor]], Tensor]:
        """Losses with their weights, and the translated images."""
        options, images = self._options, crops.images
        segmented = isinstance(options, SegmentationOptions)
        logits = segment(self._networks[here], images) if segmented else None
        translated = crops.keep(self._generate(here, images, logits, dropout=True))
        translated_logits = segment(self._networks[there], translated) if segmented else None
        reconstructed = self._generate(there, translated, translated_logits, dropout=False)
        scores = self._discriminator(there)(translated)
        adversarial = F.mse_loss(scores, torch.ones_like(scores))
        found = {
            "adversarial": (options.lambda_gan, 0.5 * adversarial if options.halved_adversarial else adversarial),
            "cycle": (options.lambda_cyc, _mean(F.l1_loss(reconstructed, images, reduction="none"), crops)),
        }
        if isinstance(options, SegmentationOptions) and logits is not None and translated_logits is not None:
            weights = self._weights.to(images)
            scale = (
                1 / _mean(weights[crops.labels][:, None], crops) if options.cross_entropy_divisor == "weights" else 1
            )
            real, made = (
                scale * _mean(F.cross_entropy(each, crops.labels, weights, reduction="none")[:, None], crops)
                for each in (logits, translated_logits)
            )
            found["segmentation_real"] = (options.lambda_seg_real, real)
            found["segmentation_translated"] = (options.lambda_seg_translated, made)
        return found, translated

    def _generate(self, domain: str, images: Tensor, logits: Tensor | None, *, dropout: bool) -> Tensor:
        networks = self._networks[domain]
        if "extractor" not in networks or logits is None:
            return networks["generator"](images)
        read = logits.softmax(dim=1) if self._probabilities else logits
        return networks["generator"](images, networks["extractor"](read, dropout=dropout))

    def _discriminator(self, domain: str) -> nn.Module:
        return self._networks[domain]["discriminator"]


def _mean(each: Tensor, crops: Crops) -> Tensor:
    """Mean over the pixels that count."""
    return each.mean() if crops.kept is None else each[crops.kept].mean()
