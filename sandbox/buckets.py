"""The sandbox's bucket: versioned, cleaned up by lifecycle rules, open to nobody without a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.environment import REGION
from sandbox.errors import StepFailedError
from sandbox.layout import BUCKET, Layout

_RULES = [
    {
        "ID": "abort-unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    },
    {
        "ID": "expire-noncurrent-versions",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
    },
]


def provide(at: Layout, say: Callable[[str], None]) -> None:
    """Create the bucket if it is missing; set versioning and lifecycle rules in any case.

    Raises:
        StepFailedError: the store refused, or does not answer.
    """
    store = client(at)
    try:
        if BUCKET not in {bucket["Name"] for bucket in store.list_buckets()["Buckets"]}:
            store.create_bucket(Bucket=BUCKET)
        store.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        _set_rules(store, say)
    except (ClientError, BotoCoreError) as error:
        raise StepFailedError(step="bucket", reason=f"{BUCKET} cannot be set up: {error}") from error
    say(f"bucket     s3://{BUCKET} is there, versioned")


def objects(at: Layout, *, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Key and size in bytes of every current object under a prefix."""
    pages = client(at).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    for page in pages:
        for found in page.get("Contents", []):
            yield found["Key"], found["Size"]


def read(at: Layout, key: str) -> bytes:
    """The bytes of an object."""
    body: bytes = client(at).get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body


def client(at: Layout) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time and has no types for them
    """An S3 client with the importer's rights."""
    return boto3.client(
        "s3",
        endpoint_url=at.url("s3"),
        region_name=REGION,
        aws_access_key_id=at.secrets.s3_access_key,
        aws_secret_access_key=at.secrets.s3_secret_key,
        config=Config(proxies={}, retries={"mode": "standard", "max_attempts": 3}),
    )


def _set_rules(store: Any, say: Callable[[str], None]) -> None:  # noqa: ANN401 - as above
    try:
        store.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": _RULES})
    except ClientError as error:
        say(f"bucket     has no lifecycle rules, the store refused them: {error}")
