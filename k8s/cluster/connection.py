"""Raw requests to the Kubernetes API, with the vendor's credentials and TLS, and with the vendor's errors made ours."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config

from k8s.cluster.interruption import Interruption
from k8s.errors import (
    AdmissionError,
    ClusterError,
    ClusterUnavailableError,
    ConflictError,
    ForbiddenError,
    InvalidManifestError,
    NoKubeconfigError,
    ResourceNotFoundError,
    UnauthorizedError,
    UntrustedApiError,
)
from k8s.status import diagnose_refusal

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
_UNTRUSTED = re.compile(r"CERTIFICATE_VERIFY_FAILED\] (?P<why>.*?) \(_ssl")
_VERBS = {"GET": "read", "POST": "create", "PATCH": "apply", "PUT": "replace", "DELETE": "delete"}
_WRONG_TYPE = "failed to create typed patch object"
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
_CHUNK_BYTES = 64 * 1024
_CONNECTIONS = 64

Json = dict[str, Any]
Query = Mapping[str, str | int | bool]


class ResourceExpiredError(Exception):
    """The API has forgotten the resourceVersion that a watch started from (410); list again."""


class Connection:
    """One API server. Safe for several threads: each request takes a connection of its own from the pool."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self.address: str = api.configuration.host

    def request(
        self, method: str, path: str, *, query: Query | None = None, body: object = None, content: str = JSON
    ) -> Json:
        """Send one request and return the decoded JSON answer.

        Raises:
            ClusterError: the API refused, or cannot be reached.
        """
        with self._translated(method, path):
            response = self._send(method, path, query=query, body=body, content=content, read_seconds=_READ_SECONDS)
            data = response.data
        try:
            answer: Json = json.loads(data) if data else {}
        except ValueError:
            raise ClusterUnavailableError(
                address=self.address, reason=f"{path} answered with something else than JSON"
            ) from None
        return answer

    def text(self, path: str, *, query: Query | None = None) -> str:
        """Read one plain text resource, such as a container's log."""
        with self._translated("GET", path):
            response = self._send("GET", path, query=query, read_seconds=_READ_SECONDS)
            return str(response.data.decode("utf-8", errors="replace"))

    @contextmanager
    def lines(
        self, path: str, *, query: Query, read_seconds: float, interruption: Interruption
    ) -> Iterator[Iterator[bytes]]:
        """Open a stream of lines, such as a watch or a followed log.

        Args:
            path: the resource's path.
            query: its query.
            read_seconds: silence after which the stream counts as dropped.
            interruption: ends the stream from another thread.

        Yields:
            An iterator over the lines, without their ends.
        """
        with self._translated("GET", path):
            response = self._send("GET", path, query=query, read_seconds=read_seconds)
        try:
            with interruption.guarding(response):
                yield self._split_lines(path, response)
        finally:
            # Dropped, not returned to the pool: the server may still be sending.
            response.close()

    def _split_lines(self, path: str, response: urllib3.HTTPResponse) -> Iterator[bytes]:
        rest = b""
        while True:
            with self._translated("GET", path):
                chunk = response.read1(_CHUNK_BYTES)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        if rest:
            yield rest

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        content: str = JSON,
        read_seconds: float,
    ) -> urllib3.HTTPResponse:
        parameters = [
            (key, str(value).lower() if isinstance(value, bool) else value) for key, value in (query or {}).items()
        ]
        # param_serialize asks the configuration for the token each time, so a rotated service account token is read
        # again: builds of the earlier version outlived theirs (118 minutes) and were lost.
        request = self._api.param_serialize(
            method,
            path,
            query_params=parameters,
            header_params={"Accept": "application/json, */*", "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
        )
        response: urllib3.HTTPResponse = self._api.call_api(
            *request, _request_timeout=(_CONNECT_SECONDS, read_seconds)
        ).response
        if not 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's own success range
            raise self._refusal(method, path, response)
        return response

    def _refusal(self, method: str, path: str, response: urllib3.HTTPResponse) -> Exception:
        status, reason = response.status, _message(response)
        response.release_conn()
        if method != "GET" and (refusal := diagnose_refusal(reason, about=_about(path))) is not None:
            return AdmissionError(path=path, diagnosis=refusal)
        known: dict[int, Exception] = {
            401: UnauthorizedError(address=self.address),
            403: ForbiddenError(verb=_VERBS[method], path=path, reason=reason),
            404: ResourceNotFoundError(path=path, reason=reason),
            409: ConflictError(path=path, reason=reason),
            410: ResourceExpiredError(reason),
            429: ClusterUnavailableError(address=self.address, reason=f"429: {reason}"),
        }
        # Server-side apply answers a field of the wrong type with 500 (seen on 1.20), and would do so for ever.
        wrong_type = _WRONG_TYPE in reason
        if status >= 500 and not wrong_type:  # noqa: PLR2004 - HTTP's own range of server errors
            return ClusterUnavailableError(address=self.address, reason=f"{status}: {reason}")
        return known.get(status) or InvalidManifestError(path=path, reason=f"{status}: {reason}")

    def _unanswered(self, reason: str) -> ClusterError:
        # A wrong CA stays wrong; another TLS failure may be a server that restarts.
        found = _UNTRUSTED.search(reason)
        if found is not None:
            return UntrustedApiError(address=self.address, reason=found["why"])
        return ClusterUnavailableError(address=self.address, reason=reason)

    @contextmanager
    def _translated(self, method: str, path: str) -> Iterator[None]:
        try:
            yield
        except client.ApiException as error:
            # The vendor raises it itself, with status 0, for a TLS failure and nothing else.
            raise self._unanswered(str(error.reason)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unanswered(f"{_VERBS[method]} {path}: {error}") from error
        except config.ConfigException as error:  # a token file that vanished, a broken exec plug-in
            raise NoKubeconfigError(reason=str(error)) from error


def open_connection() -> Connection:
    """Connect as KUBECONFIG says, else as ~/.kube/config says, else with the pod's service account.

    Raises:
        NoKubeconfigError: none of them can be used.
    """
    configuration = client.Configuration()
    named = os.environ.get("KUBECONFIG")
    try:
        if named or Path(config.KUBE_CONFIG_DEFAULT_LOCATION).expanduser().exists():
            config.load_kube_config(config_file=named, client_configuration=configuration)  # type: ignore[no-untyped-call] # the vendor publishes no types
        else:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call] # as above
    except (config.ConfigException, OSError, ValueError) as error:
        raise NoKubeconfigError(reason=str(error)) from error
    # One more try for an idle connection that the server has closed meanwhile; longer outages are the caller's.
    configuration.retries = urllib3.Retry(total=1, redirect=0, status=0)
    # Each thing that is waited for holds four watches, and a platform is waited for all at once.
    configuration.connection_pool_maxsize = _CONNECTIONS
    return Connection(client.ApiClient(configuration))


def _about(path: str) -> Json:
    """Return the little that a path tells of its object: in which namespace it is."""
    found = re.search(r"/namespaces/([^/]+)/", path)
    return {"metadata": {"namespace": found[1]} if found else {}}


def _message(response: urllib3.HTTPResponse) -> str:
    text = response.data.decode("utf-8", errors="replace")
    try:
        status = json.loads(text)
    except ValueError:
        return text.strip()[:300] or str(response.reason)
    message = status.get("message") if isinstance(status, dict) else None
    return str(message or text)[:1000]
