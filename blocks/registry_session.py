"""Asks a model registry through the official API client, and turns whatever goes wrong into our errors.

Of the package model-registry this uses the generated half, `mr_openapi`. The hand-written half asks the server while it
is constructed, patches the running event loop unless told not to, refuses TLS without a token, configures the root
logger on import, and drops custom properties that hold structures.

Both halves of 0.3.18 ask for `/v1` only. Servers that serve nothing but `/v1alpha3` (of 2025, and OpenShift AI's)
answer 404, which the client takes for "no such model". So the version is a setting here, and such a 404 an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import aiohttp
import mr_openapi
import pydantic
from mr_openapi.exceptions import ApiException

from blocks.errors import BlockError
from blocks.registry_errors import (
    EntryNotFoundError,
    NameTakenError,
    NotARegistryError,
    RegistryBusyError,
    RegistryRefusedError,
    RegistryTokenError,
    RegistryUnreachableError,
    UntrustedRegistryError,
)

ApiVersion = Literal["v1alpha3", "v1"]

T = TypeVar("T")

_CLIENT_PREFIX = "/api/model_registry/v1/"
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429})
_REFUSED_ACCESS = frozenset({401, 403})
_NOT_FOUND = 404
_CONFLICT = 409
_SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryAddress:
    """Where a registry is and how to be let in.

    Attributes:
        address: `http(s)://host:port`, without a path.
        api_version: the version of its REST API.
        token: a bearer token, or None.
        token_variable: the environment variable that the token came from, for the sentences of errors.
        ca_bundle: a PEM file that certificates are verified with, as `trusted` gives it; the system's own if None.
        deadline: seconds that one request may take, the connection included.
    """

    address: str
    api_version: ApiVersion = "v1alpha3"
    token: str | None = field(default=None, repr=False)
    token_variable: str | None = None
    ca_bundle: str | None = None
    deadline: float = 30.0

    @property
    def base(self) -> str:
        """The address of the REST API, with a slash at the end."""
        return f"{self.address.rstrip('/')}/api/model_registry/{self.api_version}/"


class _ApiClient(mr_openapi.ApiClient):
    """The official API client, asking for the version of the API that the server has."""

    prefix = _CLIENT_PREFIX

    def param_serialize(self, method: str, resource_path: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the base class
        path = resource_path.replace(_CLIENT_PREFIX, self.prefix, 1)
        return super().param_serialize(method, path, *args, **kwargs)


class RegistrySession:
    """One connection to a registry; `api` has a method for each of the REST API's operations."""

    def __init__(self, place: RegistryAddress) -> None:
        self._place = place
        configuration = mr_openapi.Configuration(
            host=place.address.rstrip("/"), access_token=place.token, ssl_ca_cert=place.ca_bundle, verify_ssl=True
        )
        self._client = _ApiClient(configuration)
        self._client.prefix = f"/api/model_registry/{place.api_version}/"
        self.api = mr_openapi.ModelRegistryServiceApi(self._client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]  # the client's own omission

    async def ask(self, request: Awaitable[T]) -> T:
        """Wait for the answer to a request of `api`.

        Raises:
            UnavailableError: no answer, or one that says "not now".
            AccessDeniedError: the token is missing, wrong, or lacks a right.
            NotFoundError: what was asked for does not exist.
            NameTakenError: what should be made exists.
            RejectedError: any other refusal.
        """
        url = f"{self._place.base}registered_models"
        try:
            async with asyncio.timeout(self._place.deadline):
                return await request
        except ApiException as error:
            raise self._refusal(error, url) from error
        except aiohttp.ClientSSLError as error:
            raise UntrustedRegistryError(address=self._place.address, reason=str(error)) from error
        except TimeoutError as error:
            raise RegistryUnreachableError(url=url, reason=f"{self._place.deadline:g} seconds passed") from error
        except (aiohttp.ClientError, OSError) as error:
            raise RegistryUnreachableError(url=url, reason=str(error) or type(error).__name__) from error
        except (pydantic.ValidationError, ValueError) as error:
            raise NotARegistryError(url=url, answer=str(error)) from error

    async def find(self, request: Awaitable[T]) -> T | None:
        """Wait for the answer to a lookup: None if the registry says that there is no such thing.

        Raises:
            BlockError: as `ask`, but for what does not exist.
        """
        try:
            return await self.ask(request)
        except EntryNotFoundError:
            return None

    def _refusal(self, error: ApiException, url: str) -> BlockError:
        status = error.status or 0
        if status in _REFUSED_ACCESS:
            return RegistryTokenError(address=self._place.address, status=status, variable=self._place.token_variable)
        if status in _WORTH_ANOTHER_TRY or status in _SERVER_ERRORS:
            return RegistryBusyError(url=url, status=status)
        if not _is_json(error):
            # A proxy, a login page, or a server without this version of the API: its 404 is not "no such model".
            return NotARegistryError(url=url, answer=f"HTTP {status} {error.reason}")
        message = getattr(error.data, "message", None) or error.reason
        if status == _NOT_FOUND:
            return EntryNotFoundError(url=url, what=f"such entry: {message}")
        kind = NameTakenError if status == _CONFLICT else RegistryRefusedError
        return kind(url=url, status=status, message=message)


def _is_json(error: ApiException) -> bool:
    return "json" in (error.headers or {}).get("content-type", "")


def run(place: RegistryAddress, operation: Callable[[RegistrySession], Coroutine[Any, Any, T]]) -> T:
    """Run an operation over one connection, in a thread and an event loop of its own.

    So it works wherever the caller is: in a thread, in a running loop (which it blocks, as any sync call does), and
    under whichever loop policy.

    Raises:
        BlockError: what went wrong, in our words.
    """

    async def connected() -> T:
        async with RegistrySession(place) as session:
            return await operation(session)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="model-registry") as thread:
        return thread.submit(lambda: asyncio.run(connected())).result()
