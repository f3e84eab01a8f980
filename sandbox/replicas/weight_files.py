"""The safetensors file format, and weights split into shards with their index.

A file is the header's length (8 bytes, little-endian), the header (JSON) and the tensors' bytes, one after the other.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from .tensors import Tensor

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

_METADATA = "__metadata__"
_ALIGNMENT = 8  # readers map the data into memory: it should start at a multiple of the widest number


def header_of(tensors: Sequence[Tensor], *, length: int | None = None) -> bytes:
    """The JSON header, filled with spaces to `length` bytes, or to a multiple of 8.

    Raises:
        ValueError: the header is longer than `length`.
    """
    entries: dict[str, object] = {_METADATA: {"format": "pt"}}
    offset = 0
    for tensor in tensors:
        span = [offset, offset + tensor.nbytes]
        entries[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": span}
        offset = span[1]
    text = json.dumps(entries, separators=(",", ":")).encode()
    wanted = length or -(-len(text) // _ALIGNMENT) * _ALIGNMENT
    if len(text) > wanted:
        raise ValueError(f"the header takes {len(text)} bytes, more than the {wanted} it was given.")
    return text.ljust(wanted)


def write_file(path: Path, tensors: Sequence[Tensor], *, header_length: int | None = None) -> None:
    """Write one weight file, piece by piece.

    Raises:
        ValueError: a tensor gave another number of bytes than its shape says.
    """
    header = header_of(tensors, length=header_length)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for tensor in tensors:
            written = sum(file.write(piece) for piece in tensor.read())
            if written != tensor.nbytes:
                raise ValueError(f"{tensor.name} gave {written} bytes, its shape says {tensor.nbytes}.")


def read_file(path: Path) -> Iterator[Tensor]:
    """The tensors of a weight file in their order there; each reads its bytes when asked."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(length))
    for name, entry in entries.items():
        if name != _METADATA:
            begin, end = entry["data_offsets"]
            yield _stored(path, name, entry, start=8 + length + begin, length=end - begin)


def shard_names(count: int) -> list[str]:
    """The file names of `count` shards; one alone has no number and needs no index."""
    if count == 1:
        return [SINGLE]
    return [f"model-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]


def split(tensors: Sequence[Tensor], *, shards: int) -> list[list[Tensor]]:
    """Neighbouring tensors in `shards` groups, whose counts differ by one at most."""
    fewest, longer = divmod(len(tensors), shards)
    groups, start = [], 0
    for number in range(shards):
        end = start + fewest + (number < longer)
        groups.append(list(tensors[start:end]))
        start = end
    return groups


def write_index(folder: Path, shards: dict[str, list[Tensor]]) -> None:
    """Write the index: the shard of every tensor, and the bytes of all together."""
    total = sum(tensor.nbytes for tensors in shards.values() for tensor in tensors)
    placed = {tensor.name: shard for shard, tensors in shards.items() for tensor in tensors}
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(placed.items()))}
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n")


def _stored(path: Path, name: str, entry: dict[str, object], *, start: int, length: int) -> Tensor:
    def read() -> list[bytes]:
        with path.open("rb") as file:
            file.seek(start)
            return [file.read(length)]

    shape = entry["shape"]
    if not isinstance(shape, list):
        raise TypeError(f"{path.name}: the shape of {name} is {shape!r}, not a list.")
    return Tensor(name, str(entry["dtype"]), tuple(shape), read)
