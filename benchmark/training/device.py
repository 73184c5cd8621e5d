"""Where and in which precision networks run."""

import os
import warnings
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from benchmark.acceleration import accelerate
from benchmark.runtime.devices import VISIBLE, taken
from benchmark.runtime.errors import UserError
from benchmark.runtime.memory import keep_freed_memory
from benchmark.runtime.processor import multiplies_bf16

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["32-true", "bf16-mixed"]


def make_fabric(precision: Precision = "32-true") -> "Fabric":
    """One device for training, a GPU if there is one, with deterministic algorithms.

    Raises:
        UserError: this process was given a GPU that PyTorch cannot use.
    """
    # Imported here because it loads PyTorch's compiler, which inference does not need.
    from lightning_fabric import Fabric

    _be_deterministic()
    _require_the_gpu()
    # Fabric advises jobs of Slurm to use srun; Snakemake starts them otherwise.
    warnings.filterwarnings("ignore", "The `srun` command is available")
    return Fabric(accelerator="auto", devices=1, precision=precision)


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """Moves a network to a device and accelerates it, in place. Every network that is trained or loaded passes here."""
    return accelerate(network.to(device))


def precision_here(asked: Literal["auto"] | Precision) -> Precision:
    """Resolves ``auto``: bf16 on a CPU or GPU (Ampere or newer) that multiplies matrices in it, else float32."""
    if asked != "auto":
        return asked
    device = inference_device()
    if device.type == "cuda":
        able = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        able = device.type == "cpu" and multiplies_bf16()
    return "bf16-mixed" if able else "32-true"


def inference_device() -> torch.device:
    """The device of trained networks: that of :func:`make_fabric`, with the same deterministic algorithms.

    From then on the C library keeps memory that this process frees.

    Raises:
        UserError: this process was given a GPU that PyTorch cannot use.
    """
    _be_deterministic()
    keep_freed_memory()
    _require_the_gpu()
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if accelerator is None else torch.device(accelerator.type, 0)


def _require_the_gpu() -> None:
    """Raises UserError if PyTorch cannot use the GPU of this process; it would silently use the CPU."""
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
    """Makes a seed fix the result.

    Threads are taken from the environment (``OMP_NUM_THREADS``, which the rules set to their ``threads``).
    """
    # Not use_deterministic_algorithms(), which also loads the compiler.
    torch.set_deterministic_debug_mode("error")
    # cuBLAS is deterministic only with workspaces of a fixed size, read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Float32 means float32: cuDNN would round the factors of a convolution to TF32's ten bits.
    torch.backends.cudnn.allow_tf32 = False
    # Filling every new tensor with NaN makes reads of uninitialised memory visible; it costs a tenth of a small
    # training's time and changes no result.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
