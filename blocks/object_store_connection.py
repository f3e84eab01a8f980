"""How clients of ours talk to the store, and one made from the environment alone, for pods that need no Prefect."""

from __future__ import annotations

import boto3
from botocore.config import Config

from blocks.object_store_client import StoreClient
from blocks.trust import trusted

CONNECTIONS = 32
"""More than the parts that all transfers of a process send at a time, so that none waits for a connection."""

CONFIG = Config(
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=CONNECTIONS,
    retries={"mode": "standard", "total_max_attempts": 3},
    # Newer defaults add checksums in trailers, which some S3-compatible stores reject; ours are plain headers.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    # The signature covers the header with the body's checksum; hashing the body for it too would cost a core per GB/s.
    s3={"payload_signing_enabled": False},
)


def environment_store(bucket: str) -> StoreClient:
    """Connect as AWS_ENDPOINT_URL, AWS_DEFAULT_REGION and the keys in the environment say.

    A container beside a tool starts in a second this way; with Prefect, which the block brings along, it takes three.

    Args:
        bucket: the bucket.
    """
    # boto3 reads the variables itself.
    return StoreClient(boto3.client("s3", config=CONFIG, verify=trusted(None)), bucket=bucket)
