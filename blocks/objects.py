"""What an object store tells of its objects, and the errors that a store's callers tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from blocks.errors import IntegrityError, PreconditionFailedError, RejectedError, UnavailableError

SYSTEM = "object store"


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """An object without its bytes: size in bytes, entity tag as the store quotes it, and our own metadata."""

    key: str
    size: int
    etag: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """One line of a listing."""

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that is not completed; its parts are no object yet, but they take space.

    Attributes:
        key: the object that it would become.
        id: the store's name of it.
        begun: when, by the store's clock; None where the store does not say, and for one that was begun here.
    """

    key: str
    id: str
    begun: datetime | None = None


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part of an upload as the store acknowledged it: number from 1 on, entity tag, CRC-32 in base64."""

    number: int
    etag: str
    crc32: str


class ObjectChangedError(PreconditionFailedError):
    """A conditional write found another object than its caller knew of, or one where there should be none."""

    def __init__(self, *, bucket: str, key: str) -> None:
        super().__init__(
            SYSTEM, f"s3://{bucket}/{key} was written by somebody else meanwhile. Nothing was changed; run again"
        )


class ConditionsIgnoredError(RejectedError):
    """The store writes although the condition fails: two imports of one version could not exclude each other."""

    def __init__(self, *, endpoint: str) -> None:
        super().__init__(
            SYSTEM,
            f"{endpoint} ignores If-None-Match on PUT, which the locks of imports rest on. "
            "Upgrade it: MinIO from 2024 on, SeaweedFS 4.48 and AWS S3 honour it",
        )


class NoStoreError(RejectedError):
    """Something answers at the address, but not as an S3 store does."""

    def __init__(self, *, endpoint: str, missing: str) -> None:
        super().__init__(
            SYSTEM, f"{endpoint} gave an answer without {missing}, as no S3 store does. Check AWS_ENDPOINT_URL"
        )


class UploadLostError(UnavailableError):
    """An upload is gone, or the object that it became is another one; a task that is tried again begins a new one."""

    def __init__(self, *, bucket: str, key: str, reason: str) -> None:
        super().__init__(SYSTEM, f"s3://{bucket}/{key} is not what was uploaded: {reason}. Run the import again")


class ObjectShortError(IntegrityError):
    """An object ends before the bytes that were asked of it: it is not the one that was imported."""

    def __init__(self, *, bucket: str, key: str, size: int) -> None:
        super().__init__(
            SYSTEM,
            f"s3://{bucket}/{key} is shorter than {size:,} bytes. "
            "Import its version again: prefect deployment run import/<model> --watch",
        )
