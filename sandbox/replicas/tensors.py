"""A named tensor of a weight file, and the number formats that weight files hold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

BITS = {"BF16": 16, "F16": 16, "F32": 32, "I32": 32, "I64": 64}

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tensor:
    """One tensor; its bytes are produced on demand, so that a file may be larger than memory.

    Attributes:
        name: the name in the weight file.
        dtype: safetensors' name of the number format, a key of `BITS`.
        shape: the extents, outermost first.
        read: gives the little-endian bytes, in one or more pieces.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    read: Callable[[], Iterable[bytes | memoryview]]

    @property
    def nbytes(self) -> int:
        """The length of the data in bytes."""
        return prod(self.shape) * BITS[self.dtype] // 8

    def renamed(self, name: str) -> "Tensor":
        """The same data under another name."""
        return Tensor(name, self.dtype, self.shape, self.read)


def tensor_of(name: str, dtype: str, array: npt.NDArray[Any]) -> Tensor:
    """A tensor with the bytes of `array`, whose items are already in the format `dtype`."""
    data = np.ascontiguousarray(array).tobytes()
    return Tensor(name, dtype, array.shape, lambda: [data])


def bytes_of(tensor: Tensor) -> bytes:
    """All bytes of a tensor at once; for small ones."""
    return b"".join(bytes(piece) for piece in tensor.read())


def round_to_bfloat16(values: Floats) -> Floats:
    """The nearest bfloat16 numbers, ties to even, still held as float32. Infinities and NaN are not expected."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def bfloat16_tensor(name: str, values: Floats) -> Tensor:
    """A BF16 tensor: the upper halves of the float32 numbers, rounded."""
    halves = (round_to_bfloat16(values).view(np.uint32) >> np.uint32(16)).astype("<u2")
    return tensor_of(name, "BF16", halves.reshape(values.shape))


def floats_of(tensor: Tensor) -> Floats:
    """The numbers of a BF16 tensor as float32, in its shape.

    Raises:
        ValueError: the tensor holds another format.
    """
    if tensor.dtype != "BF16":
        raise ValueError(f"{tensor.name} holds {tensor.dtype}; only BF16 can be read as floats here.")
    halves = np.frombuffer(bytes_of(tensor), "<u2").astype(np.uint32)
    return (halves << np.uint32(16)).view(np.float32).reshape(tensor.shape)
