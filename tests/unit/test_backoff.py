"""How long a broken read waits, and when it gives up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.backoff import Backoff, retry_after

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("²", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: str | None, seconds: float | None) -> None:
    """Whoever is asked to wait and does not is asked to wait longer."""
    assert retry_after(value, now=NOW) == seconds


@given(st.text())
def test_no_retry_after_header_breaks_a_read(value: str) -> None:
    """A proxy's odd header must not end an import."""
    seconds = retry_after(value, now=NOW)
    assert seconds is None or seconds >= 0


def test_a_server_cannot_make_us_wait_for_ever() -> None:
    """Retry-After of a day is an outage, which the task's retry and the operator must see."""
    assert Backoff(attempts=3, longest_seconds=60).delay(asked=86_400) == 60


def test_delays_double_up_to_a_bound() -> None:
    """A struggling server must not be hammered."""
    backoff = Backoff(attempts=99, base_seconds=1, longest_seconds=20)
    delays = []
    for _ in range(8):
        backoff.exhausted()
        delays.append(backoff.delay())
    bounds = [1, 2, 4, 8, 16, 20, 20, 20]
    assert all(bound / 2 <= delay <= bound for delay, bound in zip(delays, bounds, strict=True))


def test_only_failures_in_a_row_exhaust() -> None:
    """A long transfer over a bad line breaks often, and still gets on."""
    backoff = Backoff(attempts=2)
    for _ in range(10):
        assert not backoff.exhausted()
        backoff.progress()
    assert not backoff.exhausted()
    assert backoff.exhausted()
