"""A cleanup against a real store: what changed between the plan and its execution is looked at once more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from blocks.lease import Lease, LeaseLostError, held
from blocks.object_store import StoreClient
from flows.audit.reading import services_elsewhere
from flows.audit.stocktaking import take_inventory
from flows.cleanup_storage import removing
from flows.cleanup_storage.plan import Kept, Removal, plan_cleanup
from flows.cleanup_storage.references import References
from flows.cleanup_storage.removing import remove
from flows.import_model.transfer import BLOB_ID
from k8s.cluster import connect
from tests.integration.s3_server import S3Server
from tests.integration.scripted_api import ScriptedApi, listed, plain, serving, status
from tests.unit.deploy_facts import manifest_of, spec_of

NOW = timedelta(0)
PREFIX = "Abandoned-Model/v1/"
LEASE = "leases/Abandoned-Model/v1.json"
REFERRERS = References(known=frozenset({PREFIX}))


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
    """Leases of a minute, without waiting for whoever holds one."""
    return lambda key: held(store, key=key, owner="the cleanup", ttl_seconds=60, wait_seconds=0)


def planned(store: StoreClient) -> Removal:
    """The one removal that is planned now."""
    [removal] = plan_cleanup(take_inventory(store), referrers=REFERRERS, older_than=NOW).removals
    return removal


def carried_out(store: StoreClient, removal: Removal) -> Removal | Kept:
    """What comes of a planned removal."""
    return remove(store, removal, hold=leases(store), referrers=REFERRERS, older_than=NOW)


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


def test_a_lease_that_is_lost_meanwhile_ends_the_removal(store: StoreClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever took the version over writes it anew, and would lose what he just wrote."""
    monkeypatch.setattr(removing, "DELETED_AT_ONCE", 1)
    store.put(PREFIX + "other.safetensors", b"half")
    removal, delete = planned(store), store.delete
    monkeypatch.setattr(store, "delete", lambda batch: delete([*batch, LEASE]))
    with pytest.raises(LeaseLostError):
        carried_out(store, removal)
    assert keys(store) == {PREFIX + "other.safetensors"}


def test_an_object_tells_that_an_import_wrote_it(store: StoreClient) -> None:
    """Without that, files of others and of a killed import look the same."""
    store.put(PREFIX + "ours.bin", b"half", metadata={BLOB_ID: "0" * 40})
    assert take_inventory(store).versions[PREFIX].ours == {PREFIX + "ours.bin"}


def test_services_of_other_namespaces_are_read_where_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service elsewhere that reads a leftover would lose it; the platform's own roles list one namespace alone."""
    kinds = plain(200, {"resources": [{"name": "inferenceservices", "kind": "InferenceService", "namespaced": True}]})
    found = [{"metadata": {"name": name, "namespace": name}} for name in ("models", "theirs")]
    api = ScriptedApi(answers=[kinds, listed(*found, version="1"), status(403, "not for you")])
    (tmp_path / "token").write_text("throw-away")
    with serving(api, tmp_path / "kubeconfig"):
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        cluster = connect()
        assert services_elsewhere(cluster, namespace="models") == (found[1],)
        assert services_elsewhere(cluster, namespace="models") is None
    assert api.asked[1].startswith("/apis/serving.kserve.io/v1beta1/inferenceservices")
