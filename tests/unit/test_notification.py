"""The notification block: it tells, and says why it could not without showing the address."""

from __future__ import annotations

import asyncio

import pytest
from prefect.blocks.abstract import NotificationError

from blocks.notification import VARIABLE, Notification


def refused(monkeypatch: pytest.MonkeyPatch, address: str) -> str:
    """Notify an address that cannot be told; returns what the event feed would show."""
    monkeypatch.setenv(VARIABLE, address)
    with pytest.raises(NotificationError) as raised:
        asyncio.run(Notification().notify("a body", "a subject"))
    return raised.value.log


def test_without_an_address_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would be told, and nothing would say so."""
    assert VARIABLE in refused(monkeypatch, "")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/hooks/T0P-S3CRET", "no-scheme/T0P-S3CRET"])
def test_an_address_that_does_not_answer_is_not_shown(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Prefect's event feed would show a secret to whoever may look at it."""
    said = refused(monkeypatch, address)
    assert "does not answer" in said
    assert "S3CRET" not in said
