"""Random numbers whose bits never change: distributions computed from raw PCG64 words.

NumPy guarantees the raw words of a bit generator, but not its distributions (NEP 19), which also depend on the C
library's exp and log.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from benchmark.phantoms.exactmath import Array, normal_quantile

_UNIT = float.fromhex("0x1p-52")
_CHUNK = 1 << 16  # words at a time, so that temporary arrays stay in the cache


class Stream:
    """Random numbers of a key, such as dataset, size, subject and purpose, independent of those of other keys."""

    def __init__(self, *key: str | int) -> None:
        digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
        words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 32, 4)]
        self._bits = np.random.PCG64(np.random.SeedSequence(words))

    def uniform(self, shape: int | tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Array:
        """Uniform numbers in the open interval (low, high)."""
        count = int(np.prod(shape))
        words = np.asarray(self._bits.random_raw(count), dtype=np.uint64) >> np.uint64(12)
        unit = (words.astype(np.float64) + 0.5) * _UNIT
        return (low + (high - low) * unit).reshape(shape)

    def normal(self, shape: int | tuple[int, ...]) -> Array:
        """Standard normal numbers."""
        count = int(np.prod(shape))
        result = np.empty(count)
        for start in range(0, count, _CHUNK):
            stop = min(start + _CHUNK, count)
            result[start:stop] = normal_quantile(self.uniform(stop - start))
        return result.reshape(shape)

    def number(self, low: float, high: float) -> float:
        """One uniform number."""
        return float(self.uniform(1, low, high)[0])

    def gauss(self, mean: float, deviation: float, limit: float = 2.5) -> float:
        """One normal number, at most ``limit`` deviations from the mean."""
        value = float(self.normal(1)[0])
        return mean + deviation * min(max(value, -limit), limit)

    def direction(self, dimensions: int) -> Array:
        """A random unit vector."""
        vector = self.normal(dimensions)
        return vector / np.sqrt(np.add.accumulate(vector * vector)[-1])


def mask_indices(mask: npt.NDArray[np.bool_], stream: Stream, count: int) -> npt.NDArray[np.int64]:
    """Indices of ``count`` random voxels of a mask, drawn with replacement, one row each."""
    candidates = np.flatnonzero(mask)
    chosen = candidates[(stream.uniform(count) * candidates.size).astype(np.int64)]
    return np.stack(np.unravel_index(chosen, mask.shape), axis=1)
