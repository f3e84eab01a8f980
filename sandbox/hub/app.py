"""Which request gets which answer, on the Hub's host and on the host of the signed addresses."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from sandbox.hub import documents, downloads
from sandbox.hub.errors import HubError, gated, repo_not_found
from sandbox.hub.messages import Request, Response, error_response, json_response
from sandbox.hub.signing import Signer
from sandbox.hub.store import KINDS, Commit, Kind, Repository, Store
from sandbox.hub.tokens import Token, bearer

_FOLDERS: dict[str, Kind] = {f"{kind}s": kind for kind in KINDS}
_LOOPBACK = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}


@dataclass(frozen=True)
class App:
    """A Hub.

    Attributes:
        store: its repositories.
        tokens: whom it knows.
        signer: signs addresses of large files.
        cdn_port: the port of signed addresses.
        page_size: entries of a tree's page; a twentieth of that when expanded, as at the Hub (1000 and 50).
    """

    store: Store
    tokens: Sequence[Token]
    signer: Signer
    cdn_port: int
    page_size: int = 1000

    def answer(self, request: Request) -> Response:
        """Answer a request; a refusal is an answer too."""
        try:
            return self._content(request) if request.origin == "cdn" else self._hub(request)
        except HubError as error:
            return error_response(error, origin=request.origin)

    def _content(self, request: Request) -> Response:
        if "Authorization" in request.headers:
            # As S3: a token that follows a redirect to another host has leaked, and must not go unnoticed.
            raise HubError(400, "Only one auth mechanism allowed; drop the Authorization header")
        self.signer.check(request.path, query={name: values[-1] for name, values in request.query.items()})
        if request.expire:
            raise HubError(403, "Request has expired")
        folder, organisation, name, commit, *path = request.segments
        repository = self._repository(f"{organisation}/{name}", kind=_FOLDERS[folder], token=None)
        return downloads.large_file(request, repository, repository.commit(commit), "/".join(path))

    def _hub(self, request: Request) -> Response:
        if request.segments == ["healthz"]:
            return json_response({"status": "ok"})
        token = bearer(request.headers.get("Authorization"), tokens=self.tokens)
        match request.segments:
            case ["api", "whoami-v2"]:
                return self._whoami(token)
            case ["api", "resolve-cache", folder, organisation, name, commit, *path] if folder in _FOLDERS and path:
                repository = self._open(f"{organisation}/{name}", kind=_FOLDERS[folder], token=token)
                return downloads.small_file(request, repository, repository.resolve(commit), "/".join(path))
            case ["api", folder, organisation, name, *rest] if folder in _FOLDERS:
                return self._api(request, f"{organisation}/{name}", rest, kind=_FOLDERS[folder], token=token)
            case ["datasets", organisation, name, "resolve", revision, *path] if path:
                repository = self._open(f"{organisation}/{name}", kind="dataset", token=token)
            case [organisation, name, "resolve", revision, *path] if path:
                repository = self._open(f"{organisation}/{name}", kind="model", token=token)
            case _:
                raise HubError(404, "Sorry, we can't find the page you are looking for.")
        commit_found = repository.resolve(revision)
        cdn = f"http://{_LOOPBACK.get(request.host, request.host)}:{self.cdn_port}"
        return downloads.resolve(request, repository, commit_found, "/".join(path), cdn=cdn, signer=self.signer)

    def _api(self, request: Request, name: str, rest: list[str], *, kind: Kind, token: Token | None) -> Response:
        # The metadata of gated repositories is public; their files are not.
        repository = self._repository(name, kind=kind, token=token)
        expand = request.query.get("expand", []) + request.query.get("expand[]", [])
        match rest:
            case [] | ["revision", _]:
                commit = repository.resolve(rest[1] if rest else "main")
                blobs = request.flag("blobs")
                return json_response(documents.repository_info(repository, commit, blobs=blobs, expand=expand))
            case ["refs"]:
                return json_response(documents.refs(repository.refs(), pull_requests=request.flag("include_prs")))
            case ["commits", revision]:
                return json_response(documents.commits(repository.resolve(revision)))
            case ["auth-check"]:
                self._open(name, kind=kind, token=token)
                return json_response({})
            case ["paths-info", revision] if request.method == "POST":
                form = request.form()
                wide = form.get("expand", [""])[-1].lower() == "true"
                commit = repository.resolve(revision)
                return json_response(documents.paths_info(commit, form.get("paths", []), expand=wide))
            case ["tree", revision, *path]:
                return self._tree(request, repository.resolve(revision), "/".join(path).strip("/"), revision=revision)
        raise HubError(404, "Sorry, we can't find the page you are looking for.")

    def _whoami(self, token: Token | None) -> Response:
        if token is None:
            raise HubError(401, "Invalid username or password.")
        return json_response(documents.whoami(token))

    def _tree(self, request: Request, commit: Commit, folder: str, *, revision: str) -> Response:
        recursive, expand = request.flag("recursive"), request.flag("expand")
        entries = documents.tree(commit, folder, revision=revision, recursive=recursive, expand=expand)
        most = max(1, self.page_size // 20) if expand else self.page_size
        limit = request.query.get("limit", [str(most)])[-1]
        size = min(most, max(1, int(limit))) if limit.isdecimal() else most
        start = _read_cursor(request.query.get("cursor", [""])[-1])
        page = entries[start : start + size]
        if start + size >= len(entries):
            return json_response(page)
        query = {"recursive": str(recursive).lower(), "expand": str(expand).lower(), "limit": str(size)}
        query["cursor"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        address = f"http://{request.headers.get('Host', request.address)}{quote(request.target.split('?')[0], '/%')}"
        return json_response(page, headers={"Link": f'<{address}?{urlencode(query)}>; rel="next"'})

    def _open(self, name: str, *, kind: Kind, token: Token | None) -> Repository:
        """A repository whose files the request may read."""
        repository = self._repository(name, kind=kind, token=token)
        if repository.refs().gated and not (token and token.may_read(name)):
            raise gated(name, kind=kind, authenticated=token is not None)
        return repository

    def _repository(self, name: str, *, kind: Kind, token: Token | None) -> Repository:
        repository = self.store.find(name, kind=kind)
        if repository is None:
            raise repo_not_found(authenticated=token is not None)
        return repository


def _read_cursor(text: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(text) or b"0")
    except (ValueError, binascii.Error) as error:
        raise HubError(400, "Invalid cursor") from error
