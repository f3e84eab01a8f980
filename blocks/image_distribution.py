"""Images in a registry that speaks the OCI distribution protocol (Quay and every other), read over TLS."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import urllib3

from blocks.image_errors import (
    ImageAccessError,
    ImageCertificateError,
    ImageRegistryBusyError,
    ImageRegistryUnreachableError,
    NotARegistryError,
)
from blocks.image_layout import DIGEST

_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)
_PARAMETER = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
_REFUSED = frozenset({401, 403})
_NOT_FOUND = 404
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_OK = 200


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A user and a password, or neither; and the variables that they come from, for errors."""

    username_variable: str
    password_variable: str
    username: str
    password: str

    def __repr__(self) -> str:
        """Show only where they come from: what holds a password must not print it."""
        return f"Credentials(from {self.username_variable} and {self.password_variable})"

    @classmethod
    def from_environment(cls, username: str, password: str, environment: Mapping[str, str]) -> Credentials:
        """Read them from the variables of these names."""
        return cls(
            username_variable=username,
            password_variable=password,
            username=environment.get(username, ""),
            password=environment.get(password, ""),
        )

    @classmethod
    def from_auth_file(cls, file: str | None, *, host: str, like: Credentials) -> Credentials:
        """Read a registry's log-in from a file as `podman login` writes it; `like` where it has none.

        It is what Buildah's own REGISTRY_AUTH_FILE names: a pod mounts the same Secret that the build Job mounts.
        """
        try:
            known = json.loads(Path(file or "").read_bytes())["auths"][host]["auth"]
            username, _, password = base64.b64decode(known).decode().partition(":")
        except (OSError, ValueError, KeyError, TypeError):
            return like
        return replace(like, username=username, password=password)

    @property
    def are_set(self) -> bool:
        """Whether there are any."""
        return bool(self.username and self.password)

    def basic(self) -> dict[str, str]:
        """Return the header of basic authentication, or none."""
        return dict(urllib3.make_headers(basic_auth=f"{self.username}:{self.password}")) if self.are_set else {}


class DistributionClient:
    """One repository of one registry."""

    def __init__(self, *, host: str, name: str, credentials: Credentials, ca_bundle: str | None) -> None:
        self._host = host
        self._name = name
        self._credentials = credentials
        self._http = urllib3.PoolManager(
            ssl_context=ssl.create_default_context(cafile=ca_bundle),
            timeout=urllib3.Timeout(connect=10, read=30),
            # A lookup is one question: whether to ask again is decided by the task's retry policy alone.
            retries=urllib3.Retry(total=0, redirect=0, raise_on_redirect=False),
        )

    def destination(self, tag: str) -> str:
        """Return where to push an image, as Buildah takes it."""
        return f"docker://{self._host}/{self._name}:{tag}"

    def pull_reference(self, digest: str) -> str:
        """Return the reference by digest that a cluster pulls."""
        return f"{self._host}/{self._name}@{digest}"

    def digest_of(self, tag: str) -> str | None:
        """Return the digest of the manifest that a tag names, or None if there is no such tag.

        Raises:
            ImageAccessError: the credentials are missing, wrong or lack a right.
            ImageRegistryUnreachableError: no answer.
            ImageRegistryBusyError: the registry limits our rate or is failing.
            ImageCertificateError: its certificate is not trusted.
            NotARegistryError: the answers are not those of a registry.
        """
        url = f"https://{self._host}/v2/{self._name}/manifests/{tag}"
        headers = {"Accept": _MANIFESTS}
        answer = self._ask("HEAD", url, headers)
        if answer.status == 401:  # noqa: PLR2004 - HTTP 401: the challenge that says how to log in
            headers |= self._answer_to(answer.headers.get("WWW-Authenticate", ""))
            answer = self._ask("HEAD", url, headers)
        if answer.status == _NOT_FOUND:
            return None
        self._check(answer)
        digest = answer.headers.get("Docker-Content-Digest")
        if digest is None:  # the header is optional in the protocol; the digest is that of the manifest's bytes
            manifest = self._ask("GET", url, headers)
            self._check(manifest)
            digest = f"sha256:{hashlib.sha256(manifest.data).hexdigest()}"
        if not DIGEST.fullmatch(digest):
            raise NotARegistryError(host=self._host, answer=f"digest '{digest[:80]}'")
        return digest

    def _answer_to(self, challenge: str) -> dict[str, str]:
        """Return the header that answers a 401's challenge: a token of the realm it names, or user and password."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            return self._credentials.basic()
        parameters = dict(_PARAMETER.findall(rest))
        realm = parameters.get("realm", "")
        # Our password goes to the realm: never in the clear, whatever the registry says.
        if scheme.lower() != "bearer" or urlsplit(realm).scheme != "https":
            raise NotARegistryError(host=self._host, answer=f"challenge '{challenge[:80]}'")
        query = {"service": parameters.get("service", ""), "scope": f"repository:{self._name}:pull"}
        separator = "&" if urlsplit(realm).query else "?"
        answer = self._ask("GET", f"{realm}{separator}{urlencode(query)}", self._credentials.basic())
        self._check(answer)
        try:
            body = json.loads(answer.data)
            token = body.get("token") or body["access_token"]
        except (ValueError, KeyError, AttributeError) as error:
            raise NotARegistryError(host=self._host, answer="a token answer without a token") from error
        return {"Authorization": f"Bearer {token}"}

    def _check(self, answer: urllib3.BaseHTTPResponse) -> None:
        if answer.status in _REFUSED:
            raise ImageAccessError(
                repository=f"{self._host}/{self._name}",
                status=answer.status,
                username_variable=self._credentials.username_variable,
                password_variable=self._credentials.password_variable,
                sent=self._credentials.are_set,
            )
        if answer.status == _TOO_MANY_REQUESTS or answer.status >= _SERVER_ERROR:
            raise ImageRegistryBusyError(host=self._host, status=answer.status)
        if answer.status != _OK:
            raise NotARegistryError(host=self._host, answer=f"HTTP {answer.status}")

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        host = urlsplit(url).netloc
        try:
            return self._http.request(method, url, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            reason = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
            if isinstance(reason, urllib3.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(reason):
                raise ImageCertificateError(host=host, reason=_short(reason)) from error
            raise ImageRegistryUnreachableError(host=host, reason=_short(reason)) from error


def _short(reason: object) -> str:
    """Cut the vendor's object addresses from its text: `<… object at 0x7f…>: what happened` says only what happened."""
    return re.sub(r"<[^<>]* object at 0x[0-9a-f]+>:? ?", "", str(reason))[:200]
