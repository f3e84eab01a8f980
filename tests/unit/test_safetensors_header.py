"""A safetensors header is believed only if its file can have it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blocks.hub_files import HubFile, TensorInfo
from blocks.safetensors_header import PREFIX_BYTES, HeaderError, header_length, parse_header

GOOD: dict[str, dict[str, Any]] = {
    "__metadata__": {"format": "pt"},
    "b": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [4, 16]},
    "a": {"dtype": "I32", "shape": [1], "data_offsets": [0, 4]},
    "empty": {"dtype": "F32", "shape": [0], "data_offsets": [4, 4]},
}


def parsed(entries: object, *, data_bytes: int = 16) -> dict[str, TensorInfo]:
    """Parse a header as that of a file with so many bytes of data."""
    header = json.dumps(entries).encode()
    return parse_header(HubFile("a.safetensors", PREFIX_BYTES + len(header) + data_bytes, None, ""), header)


def changed(name: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """The good header with one tensor changed."""
    return {**GOOD, name: {**GOOD[name], **fields}}


def test_tensors_are_read_with_their_types_and_shapes() -> None:
    """The model's identity is counted from these."""
    assert parsed(GOOD) == {
        "b": TensorInfo("BF16", (2, 3), 4, 16),
        "a": TensorInfo("I32", (1,), 0, 4),
        "empty": TensorInfo("F32", (0,), 4, 4),
    }


@pytest.mark.parametrize(
    "entries",
    [
        changed("a", data_offsets=[0, 3]),
        changed("b", data_offsets=[5, 17]),
        changed("b", data_offsets=[0, 12]),
        changed("b", shape=[2, 4]),
        changed("b", shape=[-2, -3]),
        changed("a", data_offsets=[4, 0]),
        {"a": {"dtype": "I32"}},
        {"a": 1},
        [],
    ],
    ids=repr,
)
def test_a_header_that_contradicts_itself_is_refused(entries: object) -> None:
    """A damaged or forged header would make a 12B model look like a 24B one."""
    with pytest.raises(HeaderError, match=r"a\.safetensors is not a whole safetensors file"):
        parsed(entries)


def test_a_truncated_file_is_refused() -> None:
    """Its loader would fail on the GPU node, hours later."""
    with pytest.raises(HeaderError, match="its tensors need"):
        parsed(GOOD, data_bytes=15)


@pytest.mark.parametrize("prefix", [b"", b"\x01", b"\xff" * 8, (101).to_bytes(8, "little"), bytes(8)])
def test_a_length_that_does_not_fit_the_file_is_refused(prefix: bytes) -> None:
    """A file of any other kind, read as safetensors, would ask for exabytes."""
    with pytest.raises(HeaderError, match="does not fit"):
        header_length(HubFile("a.safetensors", 108, None, ""), prefix)
