"""A real S3 store for tests: SeaweedFS on free ports, with all its state in one folder."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from prefect_aws import AwsClientParameters, AwsCredentials
from pydantic import SecretStr

from blocks.object_store import ObjectStore
from tests.integration.ports import free_ports

WEED = Path(sys.executable).parent / "weed"
START_SECONDS = 240.0
PORTS = ("master", "master-grpc", "volume", "volume-grpc", "filer", "filer-grpc", "s3", "s3-grpc")


@dataclass(frozen=True)
class Keys:
    """An access key and its secret."""

    id: str
    secret: str


WRITER = Keys("writer", "writer-secret")
READER = Keys("reader", "reader-secret")


@dataclass(frozen=True)
class S3Server:
    """Where the store answers, and what is in it.

    Attributes:
        endpoint: its address.
        bucket: a versioned bucket.
        plain_bucket: a bucket without versions.
    """

    endpoint: str
    bucket: str = "llm-models"
    plain_bucket: str = "plain"

    def block(self, *, bucket: str | None = None, keys: Keys = WRITER) -> ObjectStore:
        """A block of ours for a bucket of it."""
        return ObjectStore(credentials=credentials(self.endpoint, keys), bucket=bucket or self.bucket)

    def make_bucket(self, name: str) -> str:
        """Make a versioned bucket that nobody else writes to; returns its name."""
        client = administrator(self.endpoint)
        client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name


def credentials(endpoint: str, keys: Keys) -> AwsCredentials:
    """Credentials as a block holds them, keys included: these are a test's own."""
    return AwsCredentials(
        aws_access_key_id=keys.id,
        aws_secret_access_key=SecretStr(keys.secret),
        region_name="us-east-1",
        aws_client_parameters=AwsClientParameters(endpoint_url=endpoint),
    )


def administrator(endpoint: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A client of the vendor's with all rights, which is none of ours."""
    return boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=WRITER.id, aws_secret_access_key=WRITER.secret,
        region_name="us-east-1",
    )  # fmt: skip


@contextmanager
def serving(folder: Path) -> Iterator[S3Server]:
    """Run a store for a block of code."""
    with restartable(folder) as (server, _):
        yield server


@contextmanager
def restartable(folder: Path) -> Iterator[tuple[S3Server, Callable[[], None]]]:
    """Run a store for a block of code, with a call that kills it and starts it again with what it holds."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    (folder / "data").mkdir()
    identities = folder / "identities.json"
    identities.write_text(json.dumps({"identities": [_identity(WRITER, "Admin"), _identity(READER, "Read", "List")]}))
    command = [
        str(WEED), "-logtostderr=true", "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-volume.max=0",
        f"-master.port={ports['master']}", f"-master.port.grpc={ports['master-grpc']}",
        "-master.volumeSizeLimitMB=256", "-master.electionTimeout=200ms", "-master.heartbeatInterval=50ms",
        f"-volume.port={ports['volume']}", f"-volume.port.grpc={ports['volume-grpc']}", "-volume.preStopSeconds=0",
        f"-filer.port={ports['filer']}", f"-filer.port.grpc={ports['filer-grpc']}",
        "-s3", f"-s3.port={ports['s3']}", f"-s3.port.grpc={ports['s3-grpc']}", f"-s3.config={identities}",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false",
    ]  # fmt: skip
    server = S3Server(f"http://127.0.0.1:{ports['s3']}")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)

        def restart() -> None:
            nonlocal process
            _end(process)
            process = subprocess.Popen(command, stdout=log, stderr=log)
            _await(f"{server.endpoint}/healthz", process)

        try:
            _await(f"{server.endpoint}/healthz", process)
            _make_buckets(server, process)
            yield server, restart
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # an orderly stop takes 15 s, and there is nothing to save
    process.wait(30)


def _identity(keys: Keys, *actions: str) -> dict[str, object]:
    return {
        "name": keys.id,
        "credentials": [{"accessKey": keys.id, "secretKey": keys.secret}],
        "actions": list(actions),
    }


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own server
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)  # a process that starts gives no event to wait for
        else:
            return
    raise RuntimeError(f"weed did not answer at {url}; its exit code is {process.poll()}")


def _make_buckets(server: S3Server, process: subprocess.Popen[bytes]) -> None:
    """Make the buckets and prove that the store takes a write: the gateway answers before its volumes do."""
    client = administrator(server.endpoint)
    client.create_bucket(Bucket=server.plain_bucket)
    server.make_bucket(server.bucket)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.put_object(Bucket=server.plain_bucket, Key="ready", Body=b"")
        except client.exceptions.ClientError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("weed took no object in time")
