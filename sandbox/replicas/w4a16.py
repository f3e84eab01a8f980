"""W4A16: linear weights as 4-bit integers in compressed-tensors' `pack-quantized` layout."""

import numpy as np
import numpy.typing as npt

from .tensors import Floats, Tensor, bfloat16_tensor, floats_of, round_to_bfloat16, tensor_of

BITS = 4
GROUP = 128

_LOWEST, _HIGHEST = -8, 7
_PER_WORD = 32 // BITS


def quantize(weights: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Round to signed 4-bit integers, symmetric around zero, with one scale for each 128 inputs.

    The arithmetic is BF16 at every step, as in compressed-tensors on a BF16 model, so that the results are equal to
    the last bit: the scale is the group's largest magnitude over 7.5, half of the 16 levels' range.

    Args:
        weights: BF16 numbers held as float32, (outputs, inputs).

    Returns:
        The integers, (outputs, inputs), and the scales, (outputs, inputs / 128).

    Raises:
        ValueError: the inputs are no multiple of the group.
    """
    outputs, inputs = weights.shape
    if inputs % GROUP:
        raise ValueError(f"{inputs} inputs are no multiple of the quantization group {GROUP}.")
    groups = weights.reshape(outputs, inputs // GROUP, GROUP)
    largest = np.abs(groups).max(axis=2)
    scales = round_to_bfloat16(largest / np.float32((_HIGHEST - _LOWEST) / 2))
    steps = round_to_bfloat16(groups / scales[:, :, None])
    integers = np.clip(np.rint(steps), _LOWEST, _HIGHEST).astype(np.int8)
    return integers.reshape(outputs, inputs), scales


def pack(integers: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
    """Eight neighbours in a 32-bit word, the first in the lowest bits, shifted to 0-15: (outputs, inputs / 8)."""
    outputs, inputs = integers.shape
    nibbles = (integers.astype(np.int16) - _LOWEST).astype("<u4").reshape(outputs, inputs // _PER_WORD, _PER_WORD)
    shifts = np.arange(_PER_WORD, dtype="<u4") * np.uint32(BITS)
    words: npt.NDArray[np.uint32] = np.bitwise_or.reduce(nibbles << shifts, axis=2)
    return words.view(np.int32)


def unpack(packed: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
    """The integers of packed words: (outputs, words) gives (outputs, words x 8)."""
    shifts = np.arange(_PER_WORD, dtype="<u4") * np.uint32(BITS)
    nibbles = (packed.view("<u4")[:, :, None] >> shifts) & np.uint32(15)
    return (nibbles.astype(np.int16) + _LOWEST).astype(np.int8).reshape(len(packed), -1)


def dequantize(integers: npt.NDArray[np.int8], scales: Floats) -> Floats:
    """The numbers that an engine computes with: each integer times the scale of its group."""
    return integers.astype(np.float32) * np.repeat(scales, GROUP, axis=1)


def compress(weight: Tensor) -> list[Tensor]:
    """The three tensors in place of a linear layer's BF16 `….weight`: packed integers, scales, original shape."""
    integers, scales = quantize(floats_of(weight))
    return [
        tensor_of(f"{weight.name}_packed", "I32", pack(integers)),
        bfloat16_tensor(f"{weight.name}_scale", scales),
        tensor_of(f"{weight.name}_shape", "I64", np.array(weight.shape, "<i8")),
    ]
