"""Where files are and what is in them: resolve, the Hub's cache of small files, and signed addresses."""

from __future__ import annotations

import gzip
from pathlib import PurePosixPath
from urllib.parse import quote

from sandbox.hub.errors import HubError, entry_not_found
from sandbox.hub.messages import BytesBody, FileBody, Request, Response
from sandbox.hub.ranges import parse_range
from sandbox.hub.signing import Signer, disposition
from sandbox.hub.store import Commit, Repository, StoredFile

_COMPRESSED = {".json", ".md", ".txt", ".py", ".jinja", ".yaml", ".jsonl", ".csv"}
_COMPRESSED_BYTES = 1024  # smaller ones are not worth it, to CDNs too


def find_file(commit: Commit, path: str) -> StoredFile:
    """A file of a commit, or HubError 404 EntryNotFound."""
    if path not in commit.files:
        raise entry_not_found(commit=commit.id)
    return commit.files[path]


def resolve(
    request: Request, repository: Repository, commit: Commit, path: str, *, cdn: str, signer: Signer
) -> Response:
    """Send the client on: to a signed address for LFS files, to the Hub's own cache for the others.

    Args:
        request: the request.
        repository: where the file is.
        commit: where the file is.
        path: the file.
        cdn: scheme, host and port of signed addresses. Another origin, so that clients must drop their token.
        signer: signs them.
    """
    file = find_file(commit, path)
    if file.content.sha256:
        target = f"/{repository.kind}s/{repository.name}/{commit.id}/{path}"
        location = cdn + signer.sign(target, filename=PurePosixPath(path).name, expired=request.expire)
        status = 302
    else:
        source = quote(request.path, safe="")
        cache = quote(f"/api/resolve-cache/{repository.kind}s/{repository.name}/{commit.id}/{path}")
        location, status = f"{cache}?{source}=&etag={quote(_etag(file), safe='')}", 307
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Location": location,
        "X-Repo-Commit": commit.id,
        "X-Linked-Size": str(file.content.size),
        "X-Linked-Etag": _etag(file),
        "Accept-Ranges": "bytes",
        "Vary": "Origin, Accept",
    }
    return Response(status, headers, BytesBody(f"Redirecting to {location}".encode()))


def small_file(request: Request, repository: Repository, commit: Commit, path: str) -> Response:
    """A file that is not in LFS, from the Hub itself; compressed where the client likes that and wants it whole."""
    file = find_file(commit, path)
    if file.content.sha256:
        raise HubError(404, "This file is in LFS: ask resolve for its address")
    headers = {"X-Repo-Commit": commit.id, "Content-Type": "text/plain; charset=utf-8"}
    response = _content(request, repository, file, headers=headers)
    if response.status != 200 or not _is_compressed(request, file):  # noqa: PLR2004 - the HTTP status for all is well
        return response
    data = gzip.compress(repository.blob(file).read_bytes(), mtime=0)
    # No Content-Length, as from the Hub: clients must not take the compressed length for the file's.
    chunks = f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n"
    headers = {
        **{name: value for name, value in response.headers.items() if name != "Accept-Ranges"},
        "ETag": f"W/{_etag(file)}",
        "Content-Encoding": "gzip",
        "Transfer-Encoding": "chunked",
        "Vary": "Accept-Encoding",
    }
    return Response(200, headers, BytesBody(chunks))


def large_file(request: Request, repository: Repository, commit: Commit, path: str) -> Response:
    """The content of an LFS file, to whoever has its signed address."""
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": "public, max-age=31536000"}
    return _content(request, repository, find_file(commit, path), headers=headers)


def _content(request: Request, repository: Repository, file: StoredFile, *, headers: dict[str, str]) -> Response:
    etag, size = _etag(file), file.content.size
    # A client that resumes says which content it began with: other content is sent whole.
    resumes = request.headers.get("If-Range", etag) == etag
    span = parse_range(request.range if resumes else None, size=size)
    headers = {
        **headers,
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(PurePosixPath(file.path).name),
    }
    blob = repository.blob(file)
    if span is None:
        return Response(200, headers, FileBody(blob, start=0, length=size))
    headers["Content-Range"] = span.content_range(size)
    return Response(206, headers, FileBody(blob, start=span.start, length=span.length))


def _is_compressed(request: Request, file: StoredFile) -> bool:
    return (
        request.method == "GET"
        and "gzip" in request.headers.get("Accept-Encoding", "")
        and file.content.size >= _COMPRESSED_BYTES
        and PurePosixPath(file.path).suffix in _COMPRESSED
    )


def _etag(file: StoredFile) -> str:
    return f'"{file.content.key}"'
