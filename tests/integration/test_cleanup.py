"""A cleanup against a real store: what changed between the plan and its execution is looked at once more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest

from blocks.lease import Lease, held
from blocks.object_store import StoreClient
from flows.audit.stocktaking import take_inventory
from flows.cleanup_storage.plan import Kept, Removal, plan_cleanup
from flows.cleanup_storage.removing import remove
from tests.integration.s3_server import S3Server
from tests.unit.deploy_facts import manifest_of, spec_of

NOW = timedelta(0)
PREFIX = "Abandoned-Model/v1/"
LEASE = "leases/Abandoned-Model/v1.json"


@pytest.fixture(scope="module")
def bucket(s3: S3Server) -> StoreClient:
    """A bucket that no other test writes to."""
    return s3.block(bucket=s3.make_bucket("cleanups")).client()


@pytest.fixture
def store(bucket: StoreClient) -> StoreClient:
    """The bucket with nothing but the file of an import that nobody finished."""
    bucket.delete([entry.key for entry in bucket.list("")])
    for upload in list(bucket.unfinished_uploads("")):
        bucket.abort_upload(upload)
    bucket.put(PREFIX + "model.safetensors", b"half")
    return bucket


def leases(store: StoreClient) -> Callable[[str], AbstractContextManager[Lease]]:
    """Leases of a second, without waiting for whoever holds one."""
    return lambda key: held(store, key=key, owner="the cleanup", ttl_seconds=1, wait_seconds=0)


def planned(store: StoreClient) -> Removal:
    """The one removal that is planned now."""
    [removal] = plan_cleanup(take_inventory(store), referrers=(), older_than=NOW).removals
    return removal


def carried_out(store: StoreClient, removal: Removal) -> Removal | Kept:
    """What comes of a planned removal."""
    return remove(store, removal, hold=leases(store), referrers=(), older_than=NOW)


def keys(store: StoreClient) -> set[str]:
    """What is in the bucket."""
    return {entry.key for entry in store.list("")}


def test_an_import_that_began_after_the_plan_is_left_alone(store: StoreClient) -> None:
    """Its first files have no manifest yet, and look as abandoned as those of a dead run."""
    removal = planned(store)
    with held(store, key=LEASE, owner="flow run brave-heron (42)", ttl_seconds=60):
        kept = carried_out(store, removal)
        assert isinstance(kept, Kept)
        assert "flow run brave-heron (42) holds" in kept.reason
        assert PREFIX + "model.safetensors" in keys(store)


def test_an_import_that_ended_after_the_plan_is_left_alone(store: StoreClient) -> None:
    """The plan would remove the files of a version that is visible by now."""
    removal = planned(store)
    manifest = manifest_of(spec_of())
    for path in ("config.json", "manifest.json"):
        store.put(PREFIX + path, manifest.canonical())
    assert carried_out(store, removal) == Kept("Abandoned-Model/v1", "it was put in order meanwhile")
    assert PREFIX + "model.safetensors" in keys(store)


def test_what_nobody_wants_goes_with_its_uploads_and_leaves_no_lease(store: StoreClient) -> None:
    """A cleanup that leaves its own lease makes the next import wait."""
    store.start_upload(PREFIX + "other.safetensors", metadata={})
    removal = planned(store)
    assert removal.uploads[0].begun is not None
    done = carried_out(store, removal)
    assert isinstance(done, Removal)
    assert (keys(store), list(store.unfinished_uploads(""))) == (set(), [])
