"""A file path that tries to leave the version's prefix is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.import_model.keys import UnsafePathError, safe_key

PREFIX = "model/version/"


@pytest.mark.parametrize("path", ["config.json", "original/params.json", "odd näme #1 100%.txt", "..hidden", "a..b"])
def test_a_plain_path_stays_as_it_is(path: str) -> None:
    """Names are the author's; only dangerous ones are our business."""
    assert safe_key(PREFIX, path) == PREFIX + path


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../other/model.safetensors", "a/../../b", "a/./b", "a//b", "a/", ".", "..", "a\\..\\b", "a\nb",
     "a\x00b", "a\x7fb", "a\u202eb", "a" * 1024, "a\ud800"],
)  # fmt: skip
def test_a_path_that_tries_to_leave_the_prefix_is_refused(path: str) -> None:
    """A repository's owner must not be able to overwrite another version, or a file of whoever downloads it."""
    with pytest.raises(UnsafePathError, match=r"source\.exclude"):
        safe_key(PREFIX, path)


@given(st.text(max_size=40))
def test_no_key_leaves_its_prefix(path: str) -> None:
    """Whatever the name: it is refused, or its object is below the prefix for every reader of keys."""
    try:
        key = safe_key(PREFIX, path)
    except UnsafePathError:
        return
    assert key.startswith(PREFIX)
    assert not {"", ".", ".."} & set(key.split("/"))
