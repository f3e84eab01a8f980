"""What is shown of an engine's log when it refuses its arguments."""

from __future__ import annotations

from k8s.status.engine import without_usage

USAGE = ("usage: api_server.py [-h] [--port PORT]", "                     [--model MODEL]")
ERROR = "api_server.py: error: unrecognized arguments: --x"


def test_the_list_of_arguments_is_left_out() -> None:
    """The forty lines that a failed run shows were names of arguments, and the one that is wrong was the last."""
    assert without_usage(("INFO starting", *USAGE, ERROR)) == ("INFO starting", ERROR)


def test_what_only_looks_like_it_is_kept() -> None:
    """A log that tells of its usage of something would lose lines."""
    lines = ("usage: 3 GiB", "  of KV cache", "Traceback")
    assert without_usage(lines) == lines
    assert without_usage(USAGE) == USAGE
