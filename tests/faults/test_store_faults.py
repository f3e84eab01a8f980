"""Whole imports while the store fails: they complete with equal hashes, or end in our error with nothing visible."""

from __future__ import annotations

import time

import pytest

from blocks.errors import AccessDeniedError, BlockError, RejectedError, UnavailableError
from tests.integration.bare_import import HASTY_SECONDS, MIB, OPTIONS, Road
from tests.integration.s3_troubles import CutAnswer, CutRequest, Refused, Silence, Trouble


@pytest.mark.parametrize(
    ("operation", "trouble"),
    [
        ("UploadPart", Refused(503, "SlowDown")),
        ("UploadPart", Refused(500, "InternalError")),
        ("UploadPart", Refused(400, "RequestTimeout")),
        ("UploadPart", CutRequest()),
        ("UploadPart", CutRequest(after=MIB)),
        ("UploadPart", CutAnswer()),
        ("CreateMultipartUpload", CutRequest()),
        ("CompleteMultipartUpload", Refused(200, "InternalError")),
        ("CompleteMultipartUpload", CutAnswer()),
        ("PutObject", Refused(503, "SlowDown")),
        ("PutObject", CutAnswer()),
        ("HeadObject", Refused(503, "SlowDown")),
        ("HeadObject", CutAnswer()),
        ("ListObjectsV2", CutRequest()),
        ("DeleteObject", CutAnswer()),
    ],
    ids=repr,
)
def test_an_import_survives(operation: str, trouble: Trouble, road: Road) -> None:
    """A store that limits its rate or drops connections would fail every import of an hour."""
    road.proxy.troubles.add(trouble, operation=operation, times=2)
    road.run()
    assert road.proxy.troubles.fired()
    assert road.is_complete()


@pytest.mark.parametrize("trouble", [Silence(600), Silence(600, done=True)], ids=repr)
def test_an_import_survives_silence(trouble: Trouble, road: Road) -> None:
    """A store that died without a word would hold the import until somebody looks."""
    road.proxy.troubles.add(trouble, operation="UploadPart", times=2)
    road.run_hastily()
    assert len(road.proxy.troubles.fired()) == 2
    assert road.is_complete()


def test_a_store_that_stays_silent_is_given_up(road: Road) -> None:
    """An import that hangs holds its lease, and nobody looks at a run that is green."""
    road.proxy.troubles.add(Silence(600), operation="UploadPart", times=None)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="cannot be reached"):
        road.run_hastily()
    # Botocore's three tries and the pauses between them, on a machine that may be slow.
    assert time.monotonic() - began < 3 * HASTY_SECONDS + 60
    assert not list(road.store.unfinished_uploads(road.prefix))


def test_a_manifest_whose_acknowledgement_is_lost_is_published_once(road: Road) -> None:
    """The second try meets the condition that the first one met: our own manifest would count as somebody else's."""
    road.proxy.troubles.add(CutAnswer(), operation="PutObject", key="*/manifest.json")
    road.run()
    assert len(road.proxy.troubles.fired()) == 1
    assert road.is_complete()


@pytest.mark.parametrize(
    ("operation", "trouble", "error"),
    [
        ("UploadPart", Refused(503, "SlowDown"), UnavailableError),
        ("UploadPart", CutRequest(after=MIB), UnavailableError),
        ("UploadPart", Refused(404, "NoSuchUpload"), UnavailableError),
        ("UploadPart", Refused(403, "AccessDenied"), AccessDeniedError),
        ("CompleteMultipartUpload", Refused(200, "InternalError"), UnavailableError),
        ("CompleteMultipartUpload", Refused(404, "NoSuchUpload"), UnavailableError),
        ("CompleteMultipartUpload", Refused(400, "InvalidPart"), RejectedError),
        ("CreateMultipartUpload", Refused(403, "AccessDenied"), AccessDeniedError),
        ("GetObject", CutAnswer(after=3), UnavailableError),
        ("ListMultipartUploads", Refused(503, "SlowDown"), UnavailableError),
    ],
    ids=repr,
)
def test_an_import_that_cannot_go_on_shows_nothing_and_completes_later(
    operation: str, trouble: Trouble, error: type[BlockError], road: Road
) -> None:
    """Half a model would be served, or the next run would stumble over it."""
    road.proxy.troubles.add(trouble, operation=operation, skip=1, times=None)
    with pytest.raises(error) as caught:
        road.run()
    assert caught.value.transient == (error is UnavailableError)
    assert not road.is_visible()
    assert road.holds_only_whole_files()
    assert not list(road.store.unfinished_uploads(road.prefix))
    road.mend()
    road.run()
    assert road.is_complete()


def test_what_is_forbidden_is_asked_for_once_by_each_file(road: Road) -> None:
    """Trying again what is forbidden wastes minutes, and hides its cause."""
    road.proxy.troubles.add(Refused(403, "AccessDenied"), operation="CreateMultipartUpload", times=None)
    with pytest.raises(AccessDeniedError, match="s3:PutObject"):
        road.run()
    asked = [fired.key for fired in road.proxy.troubles.fired()]
    assert len(asked) == len(set(asked)) <= OPTIONS.files + 1
