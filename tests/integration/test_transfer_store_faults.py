"""What goes wrong at the store while a file moves: it is survived, or leaves nothing visible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from blocks.errors import AccessDeniedError, UnavailableError
from blocks.objects import UploadLostError
from tests.integration.s3_proxy import S3Proxy, proxying
from tests.integration.s3_server import S3Server
from tests.integration.s3_troubles import CutAnswer, CutRequest, Refused, Trouble
from tests.integration.transfer_lane import MIB, Lane, open_lane

BOTOCORE_TRIES = 3


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[S3Proxy]:
    """A proxy before the store."""
    with proxying(s3.endpoint) as running:
        yield running


@pytest.fixture
def faulty_lane(model_root: Path, s3: S3Server, proxy: S3Proxy, prefix: str) -> Iterator[Lane]:
    """A lane whose store is behind the proxy."""
    with open_lane(model_root, replace(s3, endpoint=proxy.endpoint).block().client(), prefix) as lane:
        yield lane


@pytest.mark.parametrize(
    ("operation", "trouble", "times"),
    [
        ("UploadPart", Refused(503, "SlowDown"), 2),
        ("UploadPart", CutRequest(after=MIB), 2),
        ("UploadPart", CutAnswer(), 1),
        ("CompleteMultipartUpload", Refused(200, "InternalError"), 1),
        ("CompleteMultipartUpload", CutAnswer(), 1),
    ],
    ids=repr,
)
def test_a_passing_trouble_of_the_store_is_survived(
    faulty_lane: Lane, proxy: S3Proxy, operation: str, trouble: Trouble, times: int
) -> None:
    """A store that limits its rate or drops a connection once an hour would fail every import of an hour."""
    proxy.troubles.add(trouble, operation=operation, times=times)
    assert faulty_lane.move().sha256 == faulty_lane.file().sha256
    assert len(proxy.troubles.fired()) == times
    assert len(proxy.troubles.asked("CreateMultipartUpload")) == 1
    assert not list(faulty_lane.store.unfinished_uploads(faulty_lane.prefix))


def test_a_completion_that_always_fails_with_status_200_leaves_nothing(faulty_lane: Lane, proxy: S3Proxy) -> None:
    """S3 sends 200 first and the error in the body; whoever reads only the status believes in a file of nothing."""
    proxy.troubles.add(Refused(200, "InternalError"), operation="CompleteMultipartUpload", times=None)
    with pytest.raises(UnavailableError, match="InternalError"):
        faulty_lane.move()
    assert len(proxy.troubles.fired()) == BOTOCORE_TRIES
    assert faulty_lane.is_clean()


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
def test_an_upload_that_the_store_forgot_is_worth_another_task(
    faulty_lane: Lane, proxy: S3Proxy, operation: str
) -> None:
    """A store that aborts old uploads, or forgets them in a restart, ended the import as if a file were missing."""
    proxy.troubles.add(Refused(404, "NoSuchUpload"), operation=operation)
    with pytest.raises(UploadLostError, match="Run the import again") as caught:
        faulty_lane.move()
    assert caught.value.transient
    assert faulty_lane.is_clean()
    assert faulty_lane.move().sha256 == faulty_lane.file().sha256


def test_a_right_that_is_taken_away_meanwhile_is_not_asked_for_twice(faulty_lane: Lane, proxy: S3Proxy) -> None:
    """Trying again what is forbidden wastes minutes and hides the cause."""
    proxy.troubles.add(Refused(403, "AccessDenied"), operation="UploadPart", skip=1, times=None)
    with pytest.raises(AccessDeniedError, match="s3:PutObject") as caught:
        faulty_lane.move()
    assert not caught.value.transient
    assert len(proxy.troubles.fired()) <= 3  # each range asks once
    assert faulty_lane.is_clean()
