"""Our object store adapter where the way to the store breaks: our errors, no half answers, no second effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from blocks.errors import UnavailableError
from blocks.object_store import StoreClient
from tests.integration.s3_proxy import S3Proxy, proxying
from tests.integration.s3_server import S3Server
from tests.integration.s3_troubles import CutAnswer

BODY = bytes(range(256)) * 4096


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[S3Proxy]:
    """A proxy before the store."""
    with proxying(s3.endpoint) as running:
        yield running


@pytest.fixture
def faulty(s3: S3Server, proxy: S3Proxy) -> StoreClient:
    """Our adapter, through the proxy."""
    return replace(s3, endpoint=proxy.endpoint).block().client()


def test_a_small_object_whose_body_breaks_off_is_transient(faulty: StoreClient, proxy: S3Proxy, prefix: str) -> None:
    """A manifest or lease that broke off in the middle ended the run with an error of the HTTP library."""
    faulty.put(prefix + "a", BODY)
    proxy.troubles.add(CutAnswer(after=1000), operation="GetObject")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        faulty.get(prefix + "a", limit_bytes=len(BODY))
    assert faulty.get(prefix + "a", limit_bytes=len(BODY))[0] == BODY


def test_a_range_that_breaks_off_goes_on_where_it_was(faulty: StoreClient, proxy: S3Proxy, prefix: str) -> None:
    """Filling a volume would begin a shard of five gigabytes anew."""
    faulty.put(prefix + "a", BODY)
    proxy.troubles.add(CutAnswer(after=1000), operation="GetObject")
    target = bytearray(len(BODY) - 7)
    faulty.read_into(prefix + "a", start=7, target=memoryview(target))
    assert target == BODY[7:]
    assert len(proxy.troubles.asked("GetObject")) == 2
