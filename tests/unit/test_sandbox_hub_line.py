"""The rate that all downloads from the sandbox's hub share."""

from __future__ import annotations

import pytest

from sandbox.hub.line import Line


def test_bytes_of_all_connections_leave_one_after_the_other() -> None:
    """A benchmark over throttled lines would measure as many links as there are connections."""
    line = Line(1000.0)
    first, second = line.take(1000), line.take(500)
    assert first == pytest.approx(1.0, abs=0.1)
    assert second == pytest.approx(1.5, abs=0.1)
