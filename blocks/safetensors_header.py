"""Reads the header of a safetensors file, and refuses one that its file cannot have."""

from __future__ import annotations

import json
from math import prod
from typing import Any

from blocks.errors import IntegrityError
from blocks.hub_files import SYSTEM, HubFile, TensorInfo

PREFIX_BYTES = 8
LONGEST_HEADER_BYTES = 100_000_000
"""The safetensors format's own limit."""

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
"""Width of an element in bits, by the format's names; a name that is not here only loses the check of its size."""


class HeaderError(IntegrityError):
    """A file is called safetensors and is none, or is damaged."""

    def __init__(self, *, path: str, reason: str) -> None:
        super().__init__(
            SYSTEM,
            f"{path} is not a whole safetensors file: {reason}. Set another `source.revision` in deployments/models/",
        )


def header_length(file: HubFile, prefix: bytes) -> int:
    """Read how many bytes of JSON follow the first eight bytes.

    Raises:
        HeaderError: the length does not fit the file.
    """
    length = int.from_bytes(prefix[:PREFIX_BYTES], "little")
    if len(prefix) < PREFIX_BYTES or not 2 <= length <= min(file.size - PREFIX_BYTES, LONGEST_HEADER_BYTES):  # noqa: PLR2004 - "{}"
        raise HeaderError(path=file.path, reason=f"its header of {length:,} bytes does not fit its {file.size:,} bytes")
    return length


def parse_header(file: HubFile, header: bytes) -> dict[str, TensorInfo]:
    """Read the tensors that a header declares.

    Args:
        file: the file; its size is what the offsets are checked against.
        header: the JSON, without the eight bytes of its length.

    Raises:
        HeaderError: no JSON of this format, or tensors that do not fill the file exactly, without holes or overlaps.
    """
    try:
        entries: dict[str, Any] = json.loads(header)
        tensors = {name: _tensor(entry) for name, entry in entries.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HeaderError(path=file.path, reason=f"its header cannot be read ({type(error).__name__})") from error
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].stop)):
        bits = BITS.get(tensor.dtype)
        if tensor.start != end or tensor.stop < tensor.start:
            raise HeaderError(path=file.path, reason=f"tensor {name} begins at {tensor.start:,}, not at {end:,}")
        if bits and (prod(tensor.shape) * bits + 7) // 8 != tensor.stop - tensor.start:
            raise HeaderError(path=file.path, reason=f"tensor {name} has {tensor.stop - tensor.start:,} bytes")
        end = tensor.stop
    if PREFIX_BYTES + len(header) + end != file.size:
        declared = PREFIX_BYTES + len(header) + end
        raise HeaderError(path=file.path, reason=f"its tensors need {declared:,} bytes, the file has {file.size:,}")
    return tensors


def _tensor(entry: dict[str, Any]) -> TensorInfo:
    start, stop = entry["data_offsets"]
    shape = tuple(int(size) for size in entry["shape"])
    if min(shape, default=0) < 0:
        raise ValueError("a dimension is negative")
    return TensorInfo(dtype=str(entry["dtype"]), shape=shape, start=int(start), stop=int(stop))
