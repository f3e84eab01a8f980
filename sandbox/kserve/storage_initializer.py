"""Fetches a model from S3 into a folder, as KServe's storage initializer does: `… s3://bucket/prefix FOLDER`."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_log = logging.getLogger("storage-initializer")
_FILES_AT_ONCE = 4
_WRONG_KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})


def fetch(uri: str, folder: Path) -> int:
    """Download all objects below a prefix and return how many there were.

    The prefix is bare, as in KServe: `…/full` also matches `…/full-2`. Empty objects are left out.

    Raises:
        RuntimeError: the store refuses, or has nothing there; the words are those that KServe's users see.
        OSError: the folder cannot be written, for example because the disk is full.
    """
    parts = urlsplit(uri)
    bucket, prefix = parts.netloc, parts.path.lstrip("/")
    client = boto3.client("s3", config=_config(), **_verification())
    try:
        client.head_bucket(Bucket=bucket)
        found = _targets(client, bucket, prefix)
    except (ClientError, BotoCoreError) as error:
        _refuse(uri, error, bucket=bucket)
    if not found:
        raise RuntimeError(f"Failed to fetch model. No model found in {prefix}.")
    for target in found.values():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)

    def download(item: tuple[str, str]) -> str:
        key, target = item
        try:
            client.download_file(bucket, key, str(folder / target))
        except (ClientError, BotoCoreError, OSError) as error:
            _log.error("Failed to download object %s: %s", key, error)
            return f"{key}: {error}"
        _log.info("Downloaded object %s", key)
        return ""

    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        failures = [told for told in pool.map(download, found.items()) if told]
    if failures:
        raise RuntimeError(f"Failed to download {len(failures)} files: {'; '.join(failures)}")
    return len(found)


def _targets(client: Any, bucket: str, prefix: str) -> dict[str, str]:  # noqa: ANN401 - boto3 publishes no types
    """Return the path below the folder for each key."""
    found = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            key: str = entry["Key"]
            if key.endswith("/") or not entry["Size"]:
                continue
            _log.info("Found S3 object: %s (%d bytes)", key, entry["Size"])
            if key == prefix:
                return {key: key.rpartition("/")[2]}
            found[key] = key.removeprefix(prefix).lstrip("/")
    return found


def _config() -> Config:
    return Config(
        retries={"max_attempts": 3, "mode": "standard"},
        # Some S3-compatible stores reject the checksums that botocore adds by itself.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def _verification() -> dict[str, Any]:
    if os.environ.get("S3_VERIFY_SSL", "1").lower() in {"0", "false"}:
        return {"verify": False}
    bundle = os.environ.get("AWS_CA_BUNDLE")
    if bundle and not Path(bundle).exists():
        raise RuntimeError(f"Failed to find ca bundle file({bundle}).")
    return {}


def _refuse(uri: str, error: ClientError | BotoCoreError, *, bucket: str) -> NoReturn:
    """Raise what KServe 0.21 raises, after the store's own words in the log."""
    _log.error("S3 error for %s: %s", uri, error)
    words = str(error).lower()
    told = f"S3 error: {error}"
    if "credential" in words or "auth" in words:
        told = (
            "S3 authentication failed. Set AWS_ACCESS_KEY_ID/AWS_SECRET_ACCESS_KEY or use awsAnonymousCredential=true."
        )
    elif "not found" in words or "does not exist" in words:
        told = f"S3 resource '{bucket}' not found."
    elif "access denied" in words or "permission" in words:
        told = f"Access denied to S3 resource '{bucket}'. Verify permissions."
    elif "connection" in words or "timeout" in words:
        told = f"Failed to connect to S3 endpoint '{bucket}'."
    elif isinstance(error, ClientError):
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        told = f"S3 error [{code}]: {message}"
        if code in _WRONG_KEYS:
            told = "Invalid AWS credentials. Verify AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    raise RuntimeError(told) from error


def main(arguments: Sequence[str]) -> int:
    """Fetch, as the two arguments say."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uri, folder = arguments
    _log.info("Copying contents of %s to local", uri)
    began = time.monotonic()
    count = fetch(uri, Path(folder))
    _log.info("Successfully copied %s to %s", uri, folder)
    _log.info("Model downloaded in %.1f seconds: %d files", time.monotonic() - began, count)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
