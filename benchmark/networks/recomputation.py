"""Training in less memory: maps are computed again in the backward pass instead of kept.

After Chen et al. 2016, Training deep nets with sublinear memory cost.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

_BELONGING = (nn.BatchNorm2d, nn.ReLU, nn.Tanh)
"""Layers of the stage of the convolution before them."""


def recomputed(layers: nn.Sequential, features: Tensor) -> Tensor:
    """``layers(features)``, of which only the maps between stages are kept for the backward pass.

    A stage is a convolution with its norm and activation, or a residual block. The backward pass runs a stage again
    before it needs the maps inside. Batch norms then take the statistics of the whole batch, as before, and leave
    their running statistics alone. So outputs, gradients and statistics are those of an ordinary pass.

    Args:
        layers: without dropout, which would draw other numbers the second time.
        features: (N, C, H, W).

    Returns:
        (N, C', H', W').
    """
    starts = [place for place, layer in enumerate(layers) if not isinstance(layer, _BELONGING)]
    for first, end in pairwise([*starts, len(layers)]):
        stage = layers[first:end]
        features = checkpoint(
            stage, features, use_reentrant=False, preserve_rng_state=False, context_fn=partial(_contexts, stage)
        )
    return features


def _contexts(stage: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Of the first run and of the second."""
    return nullcontext(), _with_other_buffers(stage)


@contextmanager
def _with_other_buffers(stage: nn.Module) -> Iterator[None]:
    """Changes of running statistics within the block go to copies."""
    own = [(layer, name, kept) for layer in stage.modules() for name, kept in layer.named_buffers(recurse=False)]
    for layer, name, kept in own:
        setattr(layer, name, kept.clone())
    try:
        yield
    finally:
        for layer, name, kept in own:
            setattr(layer, name, kept)
