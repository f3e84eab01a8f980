"""What an object store lets strangers do with the bucket, and whether it keeps versions: asked, not believed.

The bucket of the system that this one replaces was readable by anyone, and nobody had ever tried.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from blocks.object_store import ObjectStore
from blocks.object_store_client import PROBES
from blocks.object_store_connection import CONFIG
from blocks.object_store_errors import Request, http_status

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """How open a bucket is.

    Attributes:
        versioned: whether it keeps the versions of its objects.
        strangers_may: what a request without credentials may do: `list`, `read`, `write`.
    """

    versioned: bool
    strangers_may: tuple[str, ...]


def exposure(store: ObjectStore) -> Exposure:
    """Try the bucket without credentials; needs keys that may write, for an object that strangers are to read.

    Raises:
        BlockError: the store does not answer, or does not let us in either.
    """
    client = store.client()
    key = f"{PROBES}{uuid.uuid4()}"
    client.put(key, b"slipway probes whether strangers can read this")
    try:
        may = tuple(action for action in ("list", "read", "write") if _stranger_may(store, action, key))
    finally:
        client.delete([key, f"{key}-stranger"])
    return Exposure(versioned=_is_versioned(store), strangers_may=may)


def _stranger_may(store: ObjectStore, action: str, key: str) -> bool:
    s3 = _connect(store, Config(signature_version=UNSIGNED))
    try:
        match action:
            case "list":
                s3.list_objects_v2(Bucket=store.bucket, MaxKeys=1)
            case "read":
                s3.get_object(Bucket=store.bucket, Key=key)["Body"].close()
            case _:
                s3.put_object(Bucket=store.bucket, Key=f"{key}-stranger", Body=b"")
    except ClientError as error:
        if http_status(error) in _REFUSED:
            return False
        raise Request(store.endpoint, store.bucket, f"{action} without keys", None).failed(error) from error
    except BotoCoreError as error:
        raise Request(store.endpoint, store.bucket, f"{action} without keys", None).failed(error) from error
    return True


def _is_versioned(store: ObjectStore) -> bool:
    try:
        found = _connect(store, Config()).get_bucket_versioning(Bucket=store.bucket)
    except (ClientError, BotoCoreError) as error:
        raise Request(store.endpoint, store.bucket, "read the versioning of", None).failed(error) from error
    return found.get("Status") == "Enabled"


def _connect(store: ObjectStore, config: Config) -> S3Client:
    parameters: dict[str, Any] = store.credentials.aws_client_parameters.get_params_override()
    parameters["config"] = CONFIG.merge(config)
    if isinstance(parameters.get("verify"), Path):
        parameters["verify"] = str(parameters["verify"])
    client: S3Client = store.credentials.get_boto3_session().client("s3", **parameters)
    return client
