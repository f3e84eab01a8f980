"""Seeded numbers: the weights of replicas that are only moved, never asked, and filler of any size."""

from collections.abc import Iterator
from math import prod
from zlib import crc32

import numpy as np
import numpy.typing as npt

from .architectures import Architecture
from .tensors import BITS, Tensor, bfloat16_tensor

_PIECE = 4 << 20  # bytes; large enough to be fast, small enough to stay in the cache
_SIGN_AND_FRACTION = np.uint64(0x807F_807F_807F_807F)
_EXPONENTS = np.uint64(0x3C80_3C80_3C80_3C80)  # BF16 numbers of ±0.016 to ±0.031


def weights(architecture: Architecture, *, seed: int) -> list[Tensor]:
    """BF16 weights as before any training: norms are one, the rest uniform with a small variance."""
    tensors = []
    for name, shape in architecture.shapes().items():
        if len(shape) == 1:
            values = np.ones(shape, np.float32)
        else:
            uniform = _words(prod(shape), seed=seed, name=name).astype(np.float64) / 2.0**64 - 0.5
            values = (uniform * 2 * (3 / shape[1]) ** 0.5 * 0.5).astype(np.float32).reshape(shape)
        tensors.append(bfloat16_tensor(name, values))
    return tensors


def words(shape: tuple[int, ...], *, seed: int, name: str) -> npt.NDArray[np.int32]:
    """Seeded 32-bit words, as packed integers are."""
    count = prod(shape)
    return _words(-(-count // 2), seed=seed, name=name).view("<i4")[:count].reshape(shape)


def filler(name: str, length: int, *, seed: int) -> Tensor:
    """A BF16 tensor of `length` bytes without meaning: finite, not compressible to nothing, made faster than a disk.

    Raises:
        ValueError: `length` is negative or odd.
    """
    if length < 0 or length % 2:
        raise ValueError(f"filler of {length} bytes is not possible: ask for an even number of bytes above zero.")

    def read() -> Iterator[memoryview]:
        source = np.random.PCG64(_seed(seed, name))
        left = length
        while left:
            block = source.random_raw(-(-min(left, _PIECE) // 8))
            np.bitwise_and(block, _SIGN_AND_FRACTION, out=block)
            np.bitwise_or(block, _EXPONENTS, out=block)
            piece = block.view(np.uint8)[:left]
            left -= len(piece)
            yield piece.data

    return Tensor(name, "BF16", (length * 8 // BITS["BF16"],), read)


def _words(count: int, *, seed: int, name: str) -> npt.NDArray[np.uint64]:
    # NumPy keeps raw generator output stable between versions, but not its distributions.
    return np.random.PCG64(_seed(seed, name)).random_raw(count)


def _seed(seed: int, name: str) -> list[int]:
    return [seed, crc32(name.encode())]
