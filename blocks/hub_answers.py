"""Judges what the Hub and its storage hosts answer to a ranged GET: go on, try again, or give up with which error."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import SSLError

from blocks.backoff import retry_after
from blocks.errors import BlockError
from blocks.hub_errors import (
    WORTH_ANOTHER_TRY,
    FileChangedError,
    HubBusyError,
    HubUnreachableError,
    Question,
    SignedUrlRefusedError,
    UnexpectedAnswerError,
    UntrustedCertificateError,
)
from blocks.hub_files import HubFile

OK, RANGE_NOT_SATISFIABLE = 200, 416
SIGNATURE_REFUSED = frozenset({400, 401, 403, 404, 410})
"""What storage hosts answer to a signed URL that is out of date: S3 and Azure 403, GCS 400, others 401, 404 or 410."""

CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
SHA256_ETAG = re.compile(r'(?:W/)?"?([0-9a-f]{64})"?')


class InterruptedReadError(Exception):
    """An attempt failed in a way that the next one may not; a read makes the inner error its own in the end."""

    def __init__(self, error: BlockError, *, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


@dataclass(frozen=True, slots=True)
class Location:
    """Where a file's bytes are.

    Attributes:
        url: the address; a signed one is a secret for as long as it is good, and is never shown.
        ours: True at the Hub itself, which gets the token; False at a storage host, which must not.
    """

    url: str
    ours: bool

    @property
    def host(self) -> str:
        """Scheme, host and port: the part that may be shown."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def redirected(self, target: str) -> Location:
        """Follow a Location header; whoever leaves the Hub's origin once does not get the token back."""
        there = replace(self, url=urljoin(self.url, target))
        return replace(there, ours=self.ours and there.host == self.host)


def check_range(file: HubFile, response: urllib3.BaseHTTPResponse, *, start: int, stop: int) -> None:
    """Check that an answer of 200 or 206 carries just the asked bytes of just this file; closes it otherwise.

    Raises:
        FileChangedError: the stored file has another size or hash.
        UnexpectedAnswerError: the host ignores ranges, or sends others than asked.
    """
    try:
        _check_range(file, response, start=start, stop=stop)
    except BlockError:
        response.close()
        raise


def _check_range(file: HubFile, response: urllib3.BaseHTTPResponse, *, start: int, stop: int) -> None:
    host = Location(response.url or "", ours=False).host
    if response.status == OK:
        if start or stop != file.size:
            raise UnexpectedAnswerError(host=host, answer="a whole file to a request for a range of it")
        length = response.headers.get("Content-Length", str(file.size))
        if length != str(file.size):
            raise FileChangedError(path=file.path, what="size", expected=f"{file.size} bytes", got=f"{length} bytes")
        return
    header = response.headers.get("Content-Range", "")
    match = CONTENT_RANGE.fullmatch(header.strip())
    if match and match[3] not in {"*", str(file.size)}:
        raise FileChangedError(path=file.path, what="size", expected=f"{file.size} bytes", got=f"{match[3]} bytes")
    if not match or (int(match[1]), int(match[2])) != (start, stop - 1):
        raise UnexpectedAnswerError(
            host=host, answer=f"{header or 'nothing'} to a request for bytes {start}-{stop - 1}"
        )


def check_declared(file: HubFile, response: urllib3.BaseHTTPResponse) -> None:
    """Compare what a redirect says of its target with the declaration: early, before a byte of other content moves.

    Raises:
        FileChangedError: X-Linked-Size or X-Linked-Etag name other content.
    """
    size = response.headers.get("X-Linked-Size", str(file.size))
    if size != str(file.size):
        raise FileChangedError(path=file.path, what="size", expected=f"{file.size} bytes", got=f"{size} bytes")
    etag = SHA256_ETAG.fullmatch(response.headers.get("X-Linked-Etag", ""))
    if file.sha256 and etag and etag[1] != file.sha256:
        raise FileChangedError(path=file.path, what="SHA-256", expected=file.sha256, got=etag[1])


def refusal(question: Question, response: urllib3.BaseHTTPResponse, location: Location) -> Exception:
    """Name the exception for an answer that is neither content nor a redirect."""
    status = response.status
    if status in WORTH_ANOTHER_TRY:
        after = retry_after(response.headers.get("Retry-After"))
        return InterruptedReadError(HubBusyError(host=location.host, status=status), after=after)
    if status == RANGE_NOT_SATISFIABLE:
        got = response.headers.get("Content-Range", "fewer bytes").removeprefix("bytes */")
        return FileChangedError(path=question.path or "?", what="size", expected="more bytes", got=got)
    if not location.ours:
        if status in SIGNATURE_REFUSED:
            return InterruptedReadError(SignedUrlRefusedError(host=location.host, status=status))
        return UnexpectedAnswerError(host=location.host, answer=f"HTTP {status}")
    headers = response.headers
    return question.refused(
        status=status, code=headers.get("X-Error-Code", ""), message=headers.get("X-Error-Message", "")
    )


def connection_failure(error: Exception, *, host: str) -> Exception:
    """Name the exception for a connection that was not made, or broke; an untrusted certificate stays untrusted."""
    cause = error.args[0] if isinstance(error, SSLError) and error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return UntrustedCertificateError(host=host)
    return InterruptedReadError(HubUnreachableError(host=host, reason=_reason(error)))


def ended_early(missing: int, *, host: str) -> InterruptedReadError:
    """Name the exception for a body that ended before its length."""
    return InterruptedReadError(HubUnreachableError(host=host, reason=f"the connection ended {missing:,} bytes early"))


def trickled(chunk: int, *, seconds: float, host: str) -> InterruptedReadError:
    """Name the exception for a body that came too slowly: it is a stall, although never a silence."""
    reason = f"less than {chunk:,} bytes came in {seconds:g} s"
    return InterruptedReadError(HubUnreachableError(host=host, reason=reason))


def _reason(error: Exception) -> str:
    """Shorten a connection's failure to its kind: the full text may hold a signed URL."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__.removesuffix("Error")).lower()
