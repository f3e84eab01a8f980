"""Turns every failure of an S3 store, and of the way there, into our errors, with the next command."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)
from urllib3.exceptions import HTTPError

from blocks.errors import AccessDeniedError, BlockError, NotFoundError, RejectedError, UnavailableError
from blocks.objects import SYSTEM, ObjectChangedError, UploadLostError
from blocks.trust import TRUST_IT

NOT_FOUND_CODES = frozenset({"NoSuchKey", "NotFound", "404", "NoSuchVersion"})
UPLOAD_GONE = "NoSuchUpload"
BAD_KEYS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthorizationHeaderMalformed"}
)
LATER = frozenset(
    {
        "SlowDown", "SlowDownRead", "SlowDownWrite", "RequestTimeout", "ServiceUnavailable", "InternalError",
        "XMinioServerNotInitialized", "ConditionalRequestConflict", "IncompleteBody", "BadDigest",
    }
)  # fmt: skip
"""Codes that pass, also below 500. BadDigest means that bytes changed on their way, so the same call may do."""


PASSING_STATUSES = frozenset({429, 500, 502, 503, 504})


class BucketMissingError(NotFoundError):
    """The bucket does not exist; making it is an administrator's decision."""

    def __init__(self, *, endpoint: str, bucket: str) -> None:
        super().__init__(
            SYSTEM,
            f"bucket {bucket} does not exist at {endpoint}. "
            f"Create it: aws s3api create-bucket --endpoint-url {endpoint} --bucket {bucket}",
        )


class BadKeysError(AccessDeniedError):
    """The store knows no such access key, or its secret is another one."""

    def __init__(self, *, endpoint: str, code: str) -> None:
        super().__init__(
            SYSTEM,
            f"the access key is not accepted by {endpoint} ({code}). "
            "Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then run again",
        )


class NoKeysError(AccessDeniedError):
    """No access key was found at all."""

    def __init__(self) -> None:
        super().__init__(
            SYSTEM, "there is no access key. Run `export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…`, then run again"
        )


class RightMissingError(AccessDeniedError):
    """The key is good, but may not do this."""

    def __init__(self, *, endpoint: str, bucket: str, action: str) -> None:
        super().__init__(
            SYSTEM,
            f"the access key may not {action} bucket {bucket} at {endpoint}. Give it a policy with s3:ListBucket, "
            f"s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on {bucket}",
        )


class StoreUnreachableError(UnavailableError):
    """No connection, or one that broke."""

    def __init__(self, *, endpoint: str, reason: str) -> None:
        super().__init__(SYSTEM, f"{endpoint} cannot be reached ({reason}). Try `curl -sSI {endpoint}`, then run again")


class StoreBusyError(UnavailableError):
    """The store answered that it cannot now."""

    def __init__(self, *, endpoint: str, code: str, action: str) -> None:
        super().__init__(SYSTEM, f"{endpoint} could not {action} ({code}). Look at its log, then run again")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of the store, as far as its errors need it.

    Attributes:
        endpoint: the store's address.
        bucket: the bucket.
        action: what fits "may not … bucket": "write to", "read".
        key: the object, or None.
    """

    endpoint: str
    bucket: str
    action: str
    key: str | None = None

    def failed(self, error: ClientError | BotoCoreError | HTTPError) -> BlockError:
        """Name our error behind one of botocore's, or of urllib3's below it."""
        if isinstance(error, ClientError):
            return self._refused(error)
        if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
            return NoKeysError()
        if isinstance(error, SSLError):
            return RejectedError(
                SYSTEM,
                f"the TLS certificate of {self.endpoint} is not signed by a trusted authority. {TRUST_IT}",
            )
        if isinstance(error, HTTPClientError | BotoConnectionError | IncompleteReadError | HTTPError):
            return StoreUnreachableError(endpoint=self.endpoint, reason=type(error).__name__)
        return RejectedError(SYSTEM, f"could not {self.action} {self.bucket}: {error}. Check the block slipway")

    def _refused(self, error: ClientError) -> BlockError:
        code, status = error_code(error), http_status(error)
        if code == "NoSuchBucket":
            return BucketMissingError(endpoint=self.endpoint, bucket=self.bucket)
        if code == "PreconditionFailed" or status == 412:  # noqa: PLR2004 - HTTP Precondition Failed
            return ObjectChangedError(bucket=self.bucket, key=self.key or "")
        if code == UPLOAD_GONE:
            return UploadLostError(bucket=self.bucket, key=self.key or "", reason="the store knows its upload no more")
        if code in NOT_FOUND_CODES:
            where = f"s3://{self.bucket}/{self.key or ''}"
            return NotFoundError(SYSTEM, f"{where} is not there ({code}). Look: aws s3 ls {where}")
        if code in LATER or status in PASSING_STATUSES:
            return StoreBusyError(endpoint=self.endpoint, code=code, action=f"{self.action} {self.bucket}")
        return self._no_access(code, status)

    def _no_access(self, code: str, status: int) -> BlockError:
        if code in BAD_KEYS:
            return BadKeysError(endpoint=self.endpoint, code=code)
        if status in {401, 403}:
            return RightMissingError(endpoint=self.endpoint, bucket=self.bucket, action=self.action)
        return RejectedError(
            SYSTEM, f"{self.endpoint} refused to {self.action} {self.bucket}: {code}. Look at the store's log"
        )


def error_code(error: ClientError) -> str:
    """The store's own code of an error, for example "NoSuchKey"."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def http_status(error: ClientError) -> int:
    """The HTTP status of an error; 0 where the store did not say."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def was_retried(error: ClientError) -> bool:
    """Whether botocore sent the request more than once: an earlier try may have done the work unseen."""
    return int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0
