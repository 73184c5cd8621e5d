"""What this machine has, found without loading PyTorch."""

import os
import sys
from pathlib import Path


def put_own_python_first() -> None:
    """Makes ``python`` this process's own interpreter in every process that it starts.

    So ``.venv/bin/snakemake`` works where the environment is not activated. An environment that conda activates in such
    a process still comes before it.
    """
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", os.defpath)])


PORTABLE_KERNELS = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}
"""What PyTorch, oneDNN and MKL read when they are first used."""
_WITHOUT_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")


def use_portable_kernels() -> None:
    """Has PyTorch compute with AVX2 and no more, as every x86-64 processor since 2015 can, so that machines agree.

    Must come before PyTorch is loaded. What the environment says already stands. A processor without AVX2 computes as
    it can, and ``run.json`` says so.
    """
    if "avx2" in _processor_flags():
        for name, value in PORTABLE_KERNELS.items():
            os.environ.setdefault(name, value)


def products_are_portable() -> bool:
    """Whether MKL was told to multiply matrices as every x86-64 processor can, in two to three times the time."""
    return os.environ.get("MKL_CBWR", "").split(",")[0] == PORTABLE_KERNELS["MKL_CBWR"]


def multiplies_bf16() -> bool:
    """Whether the processor has instructions for products of matrices in bf16, and PyTorch may use them here."""
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in _WITHOUT_BF16:
        return False
    return not _processor_flags().isdisjoint({"avx512_bf16", "amx_bf16"})


def _processor_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # not Linux
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
