"""Reads and writes the objects of one bucket: conditional writes, and bodies that the store checks."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from blocks.backoff import Backoff
from blocks.errors import NotFoundError, PreconditionFailedError, RejectedError, UnavailableError
from blocks.object_store_errors import Request, http_status, was_retried
from blocks.objects import SYSTEM, NoStoreError, ObjectEntry, ObjectHead, ObjectShortError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOT_FOUND, BEYOND_ITS_END = 404, 416
READ_ATTEMPTS = 8
"""Failures in a row, without a byte in between, after which a ranged read fails: about a minute."""
DELETED_AT_ONCE = 1000
"""S3's own limit of keys in one DeleteObjects request."""


class BucketClient:
    """The objects of one bucket; safe to share between threads.

    Botocore sends a request up to three times. Every body carries a checksum, which the store compares before it
    acknowledges: Content-MD5 for whole objects, which every S3 store knows, CRC-32 for the parts of uploads.

    Args:
        s3: a boto3 client.
        bucket: the bucket's name.
    """

    def __init__(self, s3: S3Client, *, bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket
        self.endpoint = s3.meta.endpoint_url

    def head(self, key: str) -> ObjectHead | None:
        """Look at an object without its bytes; None if there is none."""
        with self._translated("read", key):
            try:
                found = self._s3.head_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if http_status(error) == NOT_FOUND:
                    return None
                raise
            return ObjectHead(key, found["ContentLength"], found["ETag"], found["Metadata"])

    def get(self, key: str, *, limit_bytes: int) -> tuple[bytes, str]:
        """Read a small object whole.

        Returns:
            Its bytes, and the entity tag that `put(if_match=…)` takes.

        Raises:
            NotFoundError: there is none.
            RejectedError: it is larger than `limit_bytes`.
        """
        with self._translated("read", key):
            found = self._s3.get_object(Bucket=self.bucket, Key=key)
            # Its own context manager would give the raw stream, whose failures are urllib3's.
            with closing(found["Body"]) as body:
                if found["ContentLength"] > limit_bytes:
                    raise RejectedError(
                        SYSTEM,
                        f"s3://{self.bucket}/{key} has {found['ContentLength']:,} bytes where at most {limit_bytes:,} "
                        f"were expected. Look: aws s3 ls s3://{self.bucket}/{key}",
                    )
                return body.read(), found["ETag"]

    def read_into(self, key: str, *, start: int, target: memoryview, attempts: int = READ_ATTEMPTS) -> None:
        """Fill a buffer with an object's bytes from `start` on; a read that breaks off goes on where it was.

        Args:
            key: the object.
            start: the first byte.
            target: the buffer, which is filled whole.
            attempts: failures in a row, without a byte in between, after which the read fails.

        Raises:
            NotFoundError: there is no such object.
            ObjectShortError: the object ends before the buffer is full.
            UnavailableError: the store is away for too long.
        """
        done, backoff = 0, Backoff(attempts=attempts)
        while done < len(target):
            try:
                for count in self._read_range(key, start + done, target[done:]):
                    done += count
                    backoff.progress()
            except UnavailableError:
                if backoff.exhausted():
                    raise
                time.sleep(backoff.delay())

    def put(
        self,
        key: str,
        body: bytes | bytearray,
        *,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
        if_match: str | None = None,
    ) -> str:
        """Write an object in one request.

        Args:
            key: where.
            body: its bytes.
            metadata: our own facts of it; names are lower case.
            content_type: its media type.
            if_absent: only if there is no object yet.
            if_match: only if the object there still has this entity tag.

        Returns:
            The new entity tag.

        Raises:
            PreconditionFailedError: the condition does not hold; nothing was written.
        """
        conditions: dict[str, Any] = {"IfNoneMatch": "*"} if if_absent else {}
        if if_match is not None:
            conditions["IfMatch"] = if_match
        with self._translated("write to", key):
            try:
                return self._s3.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=cast("bytes", body),  # botocore sends a bytearray as it is, its types do not say so
                    ContentMD5=content_md5(body),
                    ContentType=content_type,
                    Metadata=dict(metadata or {}),
                    **conditions,
                )["ETag"]
            except ClientError as error:
                # The answer to an earlier try was lost: our own write is what the condition then fails on.
                if conditions and was_retried(error) and (ours := self._etag_if_equal(key, body)):
                    return ours
                raise

    def list(self, prefix: str) -> Iterator[ObjectEntry]:
        """List the objects whose keys begin with `prefix`, in the order of their keys."""
        with self._translated("list"):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    yield ObjectEntry(item["Key"], item["Size"], item["ETag"], item["LastModified"])

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; one that is not there is no error. A versioned bucket keeps their older versions."""
        wanted = sorted(keys)
        for start in range(0, len(wanted), DELETED_AT_ONCE):
            objects: Any = [{"Key": key} for key in wanted[start : start + DELETED_AT_ONCE]]
            with self._translated("delete from"):
                done = self._s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
            for failed in done.get("Errors", []):
                raise RejectedError(
                    SYSTEM,
                    f"s3://{self.bucket}/{failed.get('Key')} was not deleted ({failed.get('Code')}). "
                    f"Check the rights of the access key: aws s3 rm s3://{self.bucket}/{failed.get('Key')}",
                )

    def delete_if(self, key: str, *, etag: str) -> bool:
        """Delete an object unless it changed; False if it did, or is gone.

        MinIO ignores the condition, so a caller must have its own reason to be sure.
        """
        try:
            with self._translated("delete from", key):
                self._s3.delete_object(Bucket=self.bucket, Key=key, IfMatch=etag)
        except (PreconditionFailedError, NotFoundError):
            return False
        return True

    def _read_range(self, key: str, start: int, target: memoryview) -> Iterator[int]:
        """Read one range, and tell how many bytes came with each read."""
        with self._translated("read", key):
            stop, done = start + len(target), 0
            try:
                found = self._s3.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={start}-{stop - 1}")
            except ClientError as error:
                if http_status(error) == BEYOND_ITS_END:
                    raise ObjectShortError(bucket=self.bucket, key=key, size=stop) from error
                raise
            with closing(found["Body"]) as body:
                if found["ContentLength"] != len(target):
                    raise ObjectShortError(bucket=self.bucket, key=key, size=stop)
                while done < len(target) and (count := body.readinto(cast("Any", target[done:]))):
                    done += count
                    yield count

    def _etag_if_equal(self, key: str, body: bytes | bytearray) -> str | None:
        found = self.head(key)
        if found is None or found.size != len(body):
            return None
        content, etag = self.get(key, limit_bytes=len(body))
        return etag if content == body else None

    @contextmanager
    def _translated(self, action: str, key: str | None = None) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, HTTPError) as error:  # botocore lets TLS failures within a body through
            raise Request(self.endpoint, self.bucket, action, key).failed(error) from error
        except KeyError as error:
            raise NoStoreError(endpoint=self.endpoint, missing=str(error.args[0])) from error


def content_md5(body: bytes | bytearray) -> str:
    """The Content-MD5 of a body: it guards the way to the store, our SHA-256 guards the content."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
