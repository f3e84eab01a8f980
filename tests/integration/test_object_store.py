"""Our object store adapter against a real S3 store."""

from __future__ import annotations

import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from prefect_aws import AwsClientParameters, AwsCredentials

from blocks.errors import AccessDeniedError, NotFoundError, PreconditionFailedError, RejectedError, UnavailableError
from blocks.object_store import ObjectStore, StoreClient
from tests.integration.s3_server import READER, WRITER, Keys, S3Server, credentials

PART = bytes(5 << 20)


@pytest.fixture(params=["versioned", "plain"])
def either(request: pytest.FixtureRequest, s3: S3Server) -> StoreClient:
    """A versioned and a plain bucket: leases and imports must work in both."""
    return s3.block(bucket=s3.bucket if request.param == "versioned" else s3.plain_bucket).client()


def test_a_probe_leaves_nothing_behind(either: StoreClient) -> None:
    """Preflight runs before every import; a heap of probe objects would grow for ever."""
    either.probe()
    assert list(either.list("probes/")) == []


def test_a_missing_bucket_is_named_with_the_command_that_makes_it(s3: S3Server) -> None:
    """Otherwise the first import of a new environment ends in a bare 404."""
    with pytest.raises(NotFoundError, match=r"bucket nowhere does not exist .* aws s3api create-bucket"):
        s3.block(bucket="nowhere").client().probe()


def test_a_read_only_key_is_told_from_a_wrong_one(s3: S3Server) -> None:
    """One is mended by a policy, the other by an environment variable."""
    with pytest.raises(AccessDeniedError, match=r"may not write to bucket llm-models .* s3:PutObject"):
        s3.block(keys=READER).client().probe()


@pytest.mark.parametrize("keys", [Keys("nobody", "a-secret"), Keys(WRITER.id, "wrong-secret")])
def test_wrong_keys_are_told_without_showing_them(s3: S3Server, keys: Keys) -> None:
    """The operator must learn which variables to correct, and the log must not learn the secret."""
    with pytest.raises(AccessDeniedError, match="Correct AWS_ACCESS_KEY_ID") as caught:
        s3.block(keys=keys).client().probe()
    assert keys.secret not in str(caught.value)


def test_missing_keys_are_told(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version before this one read a secret key that did not exist and went on."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    bare = AwsCredentials(region_name="us-east-1", aws_client_parameters=AwsClientParameters(endpoint_url=s3.endpoint))
    with pytest.raises(AccessDeniedError, match="export AWS_ACCESS_KEY_ID"):
        ObjectStore(credentials=bare, bucket=s3.bucket).client().probe()


def test_keys_from_the_environment_are_used(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks hold no secrets: pods get them as variables."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", WRITER.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", WRITER.secret)
    bare = AwsCredentials(region_name="us-east-1", aws_client_parameters=AwsClientParameters(endpoint_url=s3.endpoint))
    ObjectStore(credentials=bare, bucket=s3.bucket).client().probe()


def test_an_unreachable_store_is_transient(s3: S3Server) -> None:
    """A store that restarts must not fail a nightly import for good."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(UnavailableError, match="cannot be reached"):
            ObjectStore(credentials=credentials(endpoint, WRITER), bucket=s3.bucket).client().probe()


def test_tls_verification_cannot_be_switched_off() -> None:
    """The version before this one patched TLS verification off for its whole process."""
    parameters = AwsClientParameters(endpoint_url="https://localhost:9", verify=False)
    block = ObjectStore(credentials=AwsCredentials(region_name="us-east-1", aws_client_parameters=parameters))
    with pytest.raises(RejectedError, match="SLIPWAY_CA_BUNDLE"):
        block.client()


def test_what_is_put_is_got(either: StoreClient, prefix: str) -> None:
    """Manifests and leases are read back by their bytes and their entity tag."""
    etag = either.put(prefix + "a", b"content", metadata={"sha256": "ab"})
    head = either.head(prefix + "a")
    assert either.get(prefix + "a", limit_bytes=7) == (b"content", etag)
    assert head is not None
    assert (head.size, head.etag, dict(head.metadata)) == (7, etag, {"sha256": "ab"})


def test_an_object_that_is_not_there_is_none(either: StoreClient, prefix: str) -> None:
    """A first import finds no object, which is no error."""
    assert either.head(prefix + "a") is None
    with pytest.raises(NotFoundError):
        either.get(prefix + "a", limit_bytes=1)


def test_a_large_object_is_not_read_into_memory(either: StoreClient, prefix: str) -> None:
    """What stands in place of a manifest may be anything."""
    either.put(prefix + "a", b"12345678")
    with pytest.raises(RejectedError, match="8 bytes where at most 7"):
        either.get(prefix + "a", limit_bytes=7)


def test_only_one_of_many_creates_an_object(either: StoreClient, prefix: str) -> None:
    """The lease rests on this: two imports of a version must not both begin."""

    def create(number: int) -> bool:
        try:
            either.put(prefix + "a", b"%d" % number, if_absent=True)
        except PreconditionFailedError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(create, range(8))) == 1


def test_only_one_of_many_replaces_an_object(either: StoreClient, prefix: str) -> None:
    """A takeover of a dead run's lease rests on this."""
    etag = either.put(prefix + "a", b"held")

    def replace(number: int) -> bool:
        try:
            either.put(prefix + "a", b"%d" % number, if_match=etag)
        except PreconditionFailedError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(replace, range(8))) == 1


def test_a_conditional_delete_spares_a_changed_object(either: StoreClient, prefix: str) -> None:
    """A run that lost its lease must not remove its successor's."""
    old = either.put(prefix + "a", b"ours")
    new = either.put(prefix + "a", b"theirs")
    assert not either.delete_if(prefix + "a", etag=old)
    assert either.delete_if(prefix + "a", etag=new)
    assert either.head(prefix + "a") is None


def test_listing_and_deleting_go_beyond_a_page(either: StoreClient, prefix: str) -> None:
    """S3 lists and deletes 1,000 objects at a time; a leftover beyond that would stay."""
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: either.put(f"{prefix}{number:04}", b""), range(1001)))
    keys = [entry.key for entry in either.list(prefix)]
    assert (len(keys), keys) == (1001, sorted(keys))
    either.delete(keys)
    assert list(either.list(prefix)) == []


def test_a_completed_upload_is_whole_and_carries_its_metadata(either: StoreClient, prefix: str) -> None:
    """Re-runs and audits read the digest from the object itself."""
    upload = either.start_upload(prefix + "a", metadata={"sha256": "ab"})
    parts = [either.upload_part(upload, number=number, body=bytearray(PART)) for number in (1, 2)]
    either.complete_upload(upload, parts=parts, size=2 * len(PART), metadata={"sha256": "ab"})
    content, _ = either.get(prefix + "a", limit_bytes=2 * len(PART))
    assert hashlib.sha256(content).digest() == hashlib.sha256(PART + PART).digest()
    assert list(either.unfinished_uploads(prefix)) == []


def test_an_upload_of_another_size_is_noticed(either: StoreClient, prefix: str) -> None:
    """A store that lost a part must not make a short file visible unnoticed."""
    upload = either.start_upload(prefix + "a", metadata={})
    part = either.upload_part(upload, number=1, body=b"short")
    with pytest.raises(UnavailableError, match="5 of 6 bytes"):
        either.complete_upload(upload, parts=[part], size=6, metadata={})


def test_an_aborted_upload_leaves_nothing(either: StoreClient, prefix: str) -> None:
    """Parts of unfinished uploads take space that no listing shows."""
    upload = either.start_upload(prefix + "a", metadata={})
    either.upload_part(upload, number=1, body=b"part")
    assert [found.key for found in either.unfinished_uploads(prefix)] == [prefix + "a"]
    either.abort_upload(upload)
    either.abort_upload(upload)
    assert list(either.unfinished_uploads(prefix)) == []
    assert either.head(prefix + "a") is None
