"""Where and in which precision networks run."""

import os
import warnings
from typing import TYPE_CHECKING, Literal

import torch

from benchmark.runtime.devices import VISIBLE, taken
from benchmark.runtime.errors import UserError
from benchmark.runtime.memory import keep_freed_memory
from benchmark.runtime.processor import multiplies_bf16

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["32-true", "bf16-mixed"]


def make_fabric(precision: Precision = "32-true") -> "Fabric":
    """What trains networks: one device, a GPU where there is one, and deterministic algorithms.

    Raises:
        UserError: this process took a GPU, and PyTorch cannot use it.
    """
    # Loads PyTorch's compiler, which takes as long as PyTorch itself and which whoever only infers does not need.
    from lightning_fabric import Fabric

    _be_deterministic()
    _require_the_gpu()
    # A job of Slurm's is told to call srun, which is none of Snakemake's business.
    warnings.filterwarnings("ignore", "The `srun` command is available")
    return Fabric(accelerator="auto", devices=1, precision=precision)


def precision_here(asked: Literal["auto"] | Precision) -> Precision:
    """What ``auto`` is here: bf16 on a processor or GPU (Ampere and newer) that multiplies matrices in it."""
    if asked != "auto":
        return asked
    device = inference_device()
    if device.type == "cuda":
        able = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        able = device.type == "cpu" and multiplies_bf16()
    return "bf16-mixed" if able else "32-true"


def inference_device() -> torch.device:
    """Where trained networks run: the device of :func:`make_fabric`, with the same deterministic algorithms.

    Memory that this process frees is kept from then on.

    Raises:
        UserError: this process took a GPU, and PyTorch cannot use it.
    """
    _be_deterministic()
    keep_freed_memory()
    _require_the_gpu()
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if accelerator is None else torch.device(accelerator.type, 0)


def _require_the_gpu() -> None:
    """Raises UserError: PyTorch cannot use the GPU that this process took; it would go to the processor instead."""
    if (name := taken()) is None:
        return
    try:
        torch.cuda.init()
    except (AssertionError, RuntimeError) as error:  # the former where PyTorch was built without CUDA
        said = " ".join(str(error).split()).rstrip(".")
        raise UserError(
            name,
            f"the job was given this GPU, and PyTorch {torch.__version__} cannot use it ({said})",
            "Install a build of PyTorch for the CUDA that nvidia-smi names, or do without GPUs: on a cluster, gpu: 0 "
            f"in the profile's set-resources; else {VISIBLE}= before the command",
        ) from None


def _be_deterministic() -> None:
    """A seed then fixes the result.

    Threads are taken from the environment (``OMP_NUM_THREADS``, which the rules set to their ``threads``).
    """
    # Not use_deterministic_algorithms(), which says the same to the compiler too, and loads it for that.
    torch.set_deterministic_debug_mode("error")
    # cuBLAS repeats itself only with workspaces of a fixed size, and asks for them when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Float32 means float32: cuDNN would round the factors of a convolution to TF32's ten bits.
    torch.backends.cudnn.allow_tf32 = False
    # Filling every new tensor with NaN makes reads of uninitialised memory visible; it costs a tenth of a small
    # training's time and changes no result.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
