"""Speaks S3 to one bucket: what `BucketClient` does, multipart uploads that are proved when complete, and a probe."""

from __future__ import annotations

import base64
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from botocore.exceptions import ClientError

from blocks.errors import NotFoundError, PreconditionFailedError
from blocks.object_store_bucket import NOT_FOUND, BucketClient
from blocks.object_store_errors import http_status, was_retried
from blocks.objects import ConditionsIgnoredError, Upload, UploadedPart, UploadLostError

PROBES = "probes/"
FORBIDDEN = 403


class StoreClient(BucketClient):
    """All that we ask of an object store; safe to share between threads."""

    def probe(self) -> None:
        """Prove that the bucket is there and writable, and that conditional writes are: leases rest on them.

        Writes an object under `probes/` and deletes it, in a versioned bucket for good.

        Raises:
            NotFoundError: no such bucket.
            AccessDeniedError: bad keys, or keys that may not write or delete here.
            ConditionsIgnoredError: the store writes although a condition fails.
            UnavailableError: the store cannot be reached.
        """
        key = f"{PROBES}{uuid.uuid4()}"
        body = b"slipway probes whether this bucket is writable"
        with self._translated("read"):
            self._s3.list_objects_v2(Bucket=self.bucket, Prefix=PROBES, MaxKeys=1)
        etag = self.put(key, body, if_absent=True)
        try:
            self.put(key, body + b" twice", if_absent=True)
        except PreconditionFailedError:
            self._delete_for_good(key, etag=etag)
            return
        self.delete([key])
        raise ConditionsIgnoredError(endpoint=self.endpoint)

    def start_upload(self, key: str, *, metadata: Mapping[str, str]) -> Upload:
        """Begin a multipart upload of at most 10,000 parts; its metadata cannot be set later."""
        with self._translated("write to", key):
            begun = self._s3.create_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                Metadata=dict(metadata),
                ContentType="application/octet-stream",
                ChecksumAlgorithm="CRC32",
            )
            return Upload(key, begun["UploadId"])

    def upload_part(self, upload: Upload, *, number: int, body: bytes | bytearray) -> UploadedPart:
        """Send one part, at least 5 MiB unless it is the last; the store checks its CRC-32.

        A CRC, as the AWS tools send it, costs a third of an MD5, which counts at a gigabyte a second.
        """
        crc32 = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        with self._translated("write to", upload.key):
            sent = self._s3.upload_part(
                Bucket=self.bucket,
                Key=upload.key,
                UploadId=upload.id,
                PartNumber=number,
                Body=cast("bytes", body),  # botocore sends a bytearray as it is, its types do not say so
                ChecksumCRC32=crc32,
            )
            return UploadedPart(number, sent["ETag"], crc32)

    def complete_upload(
        self, upload: Upload, *, parts: Sequence[UploadedPart], size: int, metadata: Mapping[str, str]
    ) -> str:
        """Make an upload an object, and prove by a HEAD that it is the one that was meant.

        Botocore takes an error inside an answer of 200 for what it is. The HEAD also settles a completion whose
        answer was lost: tried again, the store knows the upload no more.

        Args:
            upload: the upload.
            parts: all of its parts.
            size: bytes that the object must have.
            metadata: what the object must carry.

        Returns:
            The entity tag, which for several parts is no MD5.

        Raises:
            UploadLostError: no object, or another one.
        """
        listed: Any = [{"PartNumber": part.number, "ETag": part.etag, "ChecksumCRC32": part.crc32} for part in parts]
        with self._translated("write to", upload.key):
            try:
                self._s3.complete_multipart_upload(
                    Bucket=self.bucket, Key=upload.key, UploadId=upload.id, MultipartUpload={"Parts": listed}
                )
            except ClientError as error:
                if not (was_retried(error) and http_status(error) == NOT_FOUND):
                    raise
        found = self.head(upload.key)
        if found is None or found.size != size or dict(found.metadata) != dict(metadata):
            reason = f"it has {found.size:,} of {size:,} bytes, or other metadata" if found else "it is not there"
            raise UploadLostError(bucket=self.bucket, key=upload.key, reason=reason)
        return found.etag

    def abort_upload(self, upload: Upload) -> None:
        """Give an upload up and free its parts; one that is gone is no error."""
        try:
            with self._translated("write to", upload.key):
                self._s3.abort_multipart_upload(Bucket=self.bucket, Key=upload.key, UploadId=upload.id)
        except (NotFoundError, UploadLostError):
            return

    def unfinished_uploads(self, prefix: str) -> Iterator[Upload]:
        """List the uploads under a prefix that are neither complete nor aborted.

        MinIO lists them only for a prefix that is the whole key of an object.
        """
        with self._translated("list"):
            for page in self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix):
                for item in page.get("Uploads", []):
                    yield Upload(item["Key"], item["UploadId"], item.get("Initiated"))

    def _delete_for_good(self, key: str, *, etag: str) -> None:
        """Delete an object with its version, so that probes leave no heap of old versions; else just the object."""
        with self._translated("delete from", key):
            version = self._s3.head_object(Bucket=self.bucket, Key=key, IfMatch=etag).get("VersionId")
            if version:
                try:
                    self._s3.delete_object(Bucket=self.bucket, Key=key, VersionId=version)
                except ClientError as error:
                    if http_status(error) != FORBIDDEN:  # to delete versions is a right of its own
                        raise
                else:
                    return
            self._s3.delete_object(Bucket=self.bucket, Key=key)
