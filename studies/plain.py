"""Adversarial training as one writes it first, in eager float32: what the benchmark's own training is compared with.

The same networks, objective and order of updates; every layer is PyTorch's own for it, each discriminator sees real and
made images one after the other, both directions go into one backward pass, and losses are read after each step, as in
the official implementation of CycleGAN. That both have the same losses is tested (``tests/methods/test_plain.py``).
"""

from collections.abc import Callable, Mapping
from copy import deepcopy

import torch
import torch.nn.functional as F
from benchmark.methods.adversarial import AdversarialMethod
from benchmark.networks.blocks import LEAKY_SLOPE
from benchmark.networks.extractor import DROPOUT, POOLED_SIDE, SemanticExtractor
from benchmark.networks.normalization import EPSILON, InstanceNorm
from benchmark.networks.renorm import SegmentationRenorm
from benchmark.networks.resampling import DoublingConv2d, HalvingConv2d, UpsamplingConv
from benchmark.networks.winograd import Conv3x3
from torch import Tensor, nn
from torch.optim import Adam

from benchmark.methods.cycle import DOMAINS, Crops, DomainNetworks
from benchmark.methods.options import SegmentationOptions
from benchmark.networks.deterministic import ReflectConv2d
from benchmark.networks.generator import ResUNetGenerator


class PlainRenorm(nn.Module):
    """Eq. 1 word by word."""

    def __init__(self, renorm: SegmentationRenorm) -> None:
        super().__init__()
        self.film, self.offset = renorm.film, renorm.offset

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Features (N, C, H, W) and embeddings (N, D) to (N, C, H, W)."""
        gamma, beta = self.film(embedding)[:, :, None, None].chunk(2, dim=1)
        return (gamma + self.offset) * F.instance_norm(features, eps=EPSILON) + beta


class PlainGenerator(nn.Module):
    """The residual U-Net with its maps enlarged and joined where Fig. 4 C has it."""

    def __init__(self, generator: ResUNetGenerator) -> None:
        super().__init__()
        self.stem, self.head = generator.stem, generator.head
        self.encoder, self.downsample = generator.encoder, generator.downsample
        self.bottleneck, self.middle, self.decoder = generator.bottleneck, generator.middle, generator.decoder

    def forward(self, images: Tensor, *condition: Tensor) -> Tensor:
        """(N, 1, H, W) in [-1, 1], and embeddings (N, D) or nothing, to (N, 1, H, W)."""
        features, skips = F.relu(self.stem(images)), []
        for block, downsample in zip(self.encoder, self.downsample, strict=True):
            features = block(features, *condition)
            skips.append(features)
            features = downsample(features)
        features = F.interpolate(self.bottleneck(features, *condition), scale_factor=2)
        for block in self.middle:
            features = block(features, *condition)
        for level, block in enumerate(self.decoder):
            enlarged = F.interpolate(features, scale_factor=2) if level else features
            features = block(torch.cat([enlarged, skips.pop()], dim=1), *condition)
        return torch.tanh(self.head(F.leaky_relu(features, LEAKY_SLOPE)))


class PlainExtractor(nn.Module):
    """The semantic extractor in PyTorch's layers."""

    def __init__(self, extractor: SemanticExtractor) -> None:
        super().__init__()
        self.convs, self.pool = extractor.convs, extractor.pool
        self.linear1, self.linear2 = extractor.linear1, extractor.linear2

    def forward(self, segmentation: Tensor, *, dropout: bool = True) -> Tensor:
        """(N, classes, H, W) to (N, D)."""
        features = segmentation
        for conv in self.convs:
            features = F.relu(self.pool(conv(features)))
        hidden = F.relu(self.linear1(F.adaptive_avg_pool2d(features, POOLED_SIDE).flatten(1)))
        return self.linear2(F.dropout(hidden, DROPOUT, self.training and dropout))


def _plain_norm(norm: InstanceNorm) -> nn.Module:
    return nn.InstanceNorm2d(norm.num_features, eps=EPSILON)


def _plain_conv(layer: nn.Conv2d) -> nn.Module:
    conv = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)  # type: ignore[arg-type]
    conv.weight, conv.bias = layer.weight, layer.bias
    return conv


def _plain_reflecting(layer: ReflectConv2d) -> nn.Module:
    return nn.Sequential(nn.ReflectionPad2d(layer.kernel_size[0] // 2), _plain_conv(layer))


def _plain_doubling(layer: DoublingConv2d) -> nn.Module:
    conv = nn.ConvTranspose2d(layer.in_channels, layer.out_channels, 4, stride=2, padding=1)
    conv.weight, conv.bias = layer.weight, layer.bias
    return conv


def _plain_upsampling(layer: UpsamplingConv) -> nn.Module:
    return nn.Sequential(nn.Upsample(scale_factor=2), _plain_conv(layer))


_PLAIN: Mapping[type[nn.Module], Callable[..., nn.Module]] = {
    InstanceNorm: _plain_norm,
    Conv3x3: _plain_conv,
    ReflectConv2d: _plain_reflecting,
    HalvingConv2d: _plain_conv,
    DoublingConv2d: _plain_doubling,
    UpsamplingConv: _plain_upsampling,
    SegmentationRenorm: PlainRenorm,
    SemanticExtractor: PlainExtractor,
    ResUNetGenerator: PlainGenerator,
}


def plain(network: nn.Module) -> nn.Module:
    """A copy of the network in PyTorch's layers, with the same weights."""

    def replace(module: nn.Module) -> nn.Module:
        for name, child in list(module.named_children()):
            setattr(module, name, replace(child))
        return _PLAIN[type(module)](module) if type(module) in _PLAIN else module

    return replace(deepcopy(network))


class PlainTraining:
    """Trains copies of a method's networks.

    Args:
        method: its options and its task are read.
        networks: by domain and role, with the weights to begin with.
    """

    def __init__(self, method: AdversarialMethod, networks: Mapping[str, DomainNetworks]) -> None:
        self._options, self._weights = method.options, torch.tensor(method.task.class_weights)
        self._probabilities = getattr(method.options, "extractor_input", "logits") == "probabilities"
        self._networks = {d: {role: plain(n) for role, n in networks[d].items()} for d in DOMAINS}
        betas = (self._options.beta1, self._options.beta2)
        groups = [
            {"params": [p for d in DOMAINS for p in self._networks[d][role].parameters()], "lr": rate}
            for role, rate in method.learning_rates().items()
        ]
        self._translators = Adam(groups, betas=betas)
        discriminators = [p for d in DOMAINS for p in self._discriminator(d).parameters()]
        self._discriminators = Adam(discriminators, lr=self._options.learning_rate_discriminators, betas=betas)

    def step(self, crops: Mapping[str, Crops]) -> dict[str, float]:
        """One step; losses before weighting."""
        losses: dict[str, Tensor] = {}
        made: dict[str, Tensor] = {}
        for domain in DOMAINS:
            self._discriminator(domain).requires_grad_(False).eval()
        self._translators.zero_grad()
        whole = torch.zeros((), device=crops["source"].images.device)
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
        logits = self._networks[here]["segmentor"](images) if segmented else None
        translated = crops.keep(self._generate(here, images, logits, dropout=True))
        translated_logits = self._networks[there]["segmentor"](translated) if segmented else None
        reconstructed = self._generate(there, translated, translated_logits, dropout=False)
        scores = self._discriminator(there)(translated)
        adversarial = F.mse_loss(scores, torch.ones_like(scores))
        found = {
            "adversarial": (options.lambda_gan, 0.5 * adversarial if options.halved_adversarial else adversarial),
            "cycle": (options.lambda_cyc, _mean(F.l1_loss(reconstructed, images, reduction="none"), crops)),
        }
        if isinstance(options, SegmentationOptions) and logits is not None and translated_logits is not None:
            weights = self._weights.to(images)
            real, made = (
                _mean(F.cross_entropy(each, crops.labels, weights, reduction="none")[:, None], crops)
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
    """Over the pixels that count."""
    return each.mean() if crops.kept is None else each[crops.kept.pixels].sum() / crops.kept.count
