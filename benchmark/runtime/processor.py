"""What PyTorch may use of the processor. Nothing here loads PyTorch."""

import os
from pathlib import Path

PORTABLE_KERNELS = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}
"""Environment variables that PyTorch, oneDNN and MKL read at first use."""
_WITHOUT_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")


def use_portable_kernels() -> None:
    """Limits PyTorch to AVX2, which all x86-64 processors since 2015 have, so that machines agree.

    Call it before PyTorch is loaded. It does not overwrite variables that are set. A processor without AVX2 uses what
    it has, and ``run.json`` says so.
    """
    if "avx2" in _processor_flags():
        for name, value in PORTABLE_KERNELS.items():
            os.environ.setdefault(name, value)


def products_are_portable() -> bool:
    """Whether MKL multiplies matrices with portable kernels, which take two to three times as long."""
    return os.environ.get("MKL_CBWR", "").split(",")[0] == PORTABLE_KERNELS["MKL_CBWR"]


def multiplies_bf16() -> bool:
    """Whether the processor has instructions for bf16 matrix products, and PyTorch may use them."""
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in _WITHOUT_BF16:
        return False
    return not _processor_flags().isdisjoint({"avx512_bf16", "amx_bf16"})


def _processor_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # not Linux
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
