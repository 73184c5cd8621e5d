"""The autoencoder as a feature extractor of torch-fidelity, registered under :data:`EXTRACTOR`.

KID and FID of other images, in the features of a judge, with torch-fidelity alone::

    import benchmark.judges.features
    torch_fidelity.calculate_metrics(
        input1=images, input2=others, kid=True, feature_extractor="multitask-autoencoder",
        feature_extractor_weights_path="results/<benchmark>/judges/<dataset>/autoencoder-<pair>/fold-<k>",
    )

where both inputs are datasets of (1, rows, columns) float tensors in [-1, 1].
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import register_feature_extractor
from torch_fidelity.utils import create_feature_extractor

from benchmark.data.slices import Images
from benchmark.judges.autoencoder import load_autoencoder
from benchmark.networks.padding import pad_to_multiple

EXTRACTOR = "multitask-autoencoder"
LAYER = "bottleneck"
SLICES_AT_ONCE = 16


class AutoencoderFeatures(FeatureExtractorBase):
    """Pooled bottleneck of a multitask autoencoder.

    Args:
        feature_extractor_weights_path: folder that ``train_autoencoder`` wrote.
    """

    def __init__(
        self, name: str, features_list: list[str], *, feature_extractor_weights_path: str | Path, **_: Any
    ) -> None:
        super().__init__(name, features_list)
        self.network = load_autoencoder(Path(feature_extractor_weights_path)).to(memory_format=torch.channels_last)

    @staticmethod
    def get_provided_features_list() -> tuple[str]:
        return (LAYER,)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return LAYER

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """(N, 1, H, W) in [-1, 1] to a single (N, feature_dim), in double precision.

        KID's cubic kernel and the differences of its unbiased estimator would lose most digits of single precision.
        """
        padded = pad_to_multiple(images, self.network.required_multiple)
        return (self.network.features(padded.to(memory_format=torch.channels_last)).double(),)


register_feature_extractor(EXTRACTOR, AutoencoderFeatures)


def load_extractor(folder: Path) -> AutoencoderFeatures:
    """The extractor of one judge, on the GPU where there is one.

    Raises:
        ModelError: missing or damaged.
    """
    return create_feature_extractor(
        EXTRACTOR,
        [LAYER],
        cuda=torch.cuda.is_available(),
        feature_extractor_weights_path=folder,
        verbose=False,
    )


@torch.inference_mode()
def extract(extractor: AutoencoderFeatures, images: Images) -> Tensor:
    """Features of whole slices.

    Args:
        images: (slices, rows, columns) in [-1, 1].

    Returns:
        (slices, feature_dim), float64, on the CPU.
    """
    batches = torch.from_numpy(np.array(images, np.float32))[:, None].split(SLICES_AT_ONCE)
    device = next(extractor.parameters()).device
    return torch.cat([extractor(batch.to(device))[0].cpu() for batch in batches])
