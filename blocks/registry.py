"""The model registry: the Prefect Block type that says where it is, and the client that keeps versions in it.

A version is always looked up by the names of its model and of itself. The system that this one replaces took the first
record of a list that ignores `name`, and so wrote its results to the wrong model; and it called methods of the official
client that do not exist, swallowed the error and reported success.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, TypeVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.registry_entries import Property, RegisteredVersion, VersionEntry, to_wire
from blocks.registry_errors import EntryNotFoundError, NotARegistryError, TokenMissingError
from blocks.registry_operations import (
    Page,
    find_version,
    list_models,
    list_page,
    merge_properties,
    ping,
    upsert_version,
)
from blocks.registry_session import ApiVersion, RegistryAddress, run
from blocks.trust import trusted

T = TypeVar("T")


class ModelRegistry(Block):
    """Where the Kubeflow Model Registry is; holds no secret, only the name of the variable that carries one."""

    _block_type_name: ClassVar[str | None] = "Model Registry (slipway)"
    _block_type_slug: ClassVar[str | None] = "slipway-model-registry"

    address: str = Field(
        pattern=r"^https?://[^/]+/?$", description="The REST server, http(s)://host:port, without a path."
    )
    author: str = Field("slipway", min_length=1, description="Who new models and versions are registered by.")
    token_variable: str | None = Field(None, description="The environment variable that carries a bearer token.")
    ca_bundle: str | None = Field(None, description="A PEM file of authorities to trust besides the public ones.")
    api_version: ApiVersion = Field("v1alpha3", description="v1alpha3 is served by all releases of 2025 and 2026.")

    def client(self) -> RegistryClient:
        """Make a client; it does not connect yet.

        Raises:
            TokenMissingError: the variable that should carry the token is not set.
        """
        token = os.environ.get(self.token_variable) if self.token_variable else None
        if self.token_variable and not token:
            raise TokenMissingError(variable=self.token_variable)
        place = RegistryAddress(
            address=self.address,
            api_version=self.api_version,
            token=token,
            token_variable=self.token_variable,
            ca_bundle=trusted(self.ca_bundle),
        )
        return RegistryClient(place, author=self.author)


class RegistryClient:
    """Keeps model versions in a registry. Every method opens a connection of its own, so threads may share a client.

    Every method raises our errors only: UnavailableError if the registry does not answer or is failing,
    AccessDeniedError if it wants another token, RejectedError for all other refusals.
    """

    def __init__(self, place: RegistryAddress, *, author: str) -> None:
        self._place = place
        self._author = author

    def ping(self) -> None:
        """Prove that a Model Registry answers, and lets us in."""
        run(self._place, ping)

    def find_version(self, model: str, version: str) -> RegisteredVersion | None:
        """Look a version up by both names; None if there is no such model or version."""
        return run(self._place, lambda session: find_version(session, model, version))

    def upsert_version(self, entry: VersionEntry) -> RegisteredVersion:
        """Make the registry hold this entry.

        Makes what is missing, also of an entry that an earlier attempt left half made; corrects what differs; keeps the
        state and the custom properties that others set. Nothing is written if all is as it should be. Two callers at
        once end with one entry; where their values differ, the last one wins (the API has no conditional update).

        Raises:
            UnfitPropertyError: a custom property that the API cannot carry; nothing was written.
        """
        properties = to_wire(entry.properties)
        author = entry.author or self._author
        return run(self._place, lambda session: upsert_version(session, entry, properties=properties, author=author))

    def merge_properties(self, model: str, version: str, properties: Mapping[str, Property]) -> RegisteredVersion:
        """Set custom properties of a version and keep its others.

        Raises:
            EntryNotFoundError: there is no such version.
            UnfitPropertyError: a value that the API cannot carry; nothing was written.
        """
        wanted = to_wire(properties)
        merged = run(self._place, lambda session: merge_properties(session, model, version, wanted))
        if merged is None:
            raise EntryNotFoundError(url=f"{self._place.base}model_versions", what=f"version {model}/{version}")
        return merged

    def list_models(self) -> Iterator[str]:
        """List the names of all registered models, oldest first, page by page."""
        yield from self._pages(lambda token: run(self._place, lambda session: list_models(session, token)))

    def list_versions(self, model: str) -> Iterator[RegisteredVersion]:
        """List the versions of a model, oldest first, page by page; nothing if the registry does not know the model."""
        yield from self._pages(lambda token: run(self._place, lambda session: list_page(session, model, token)))

    def _pages(self, ask: Callable[[str], Page[T]]) -> Iterator[T]:
        token = ""
        while True:
            page = ask(token)
            yield from page.items
            if not page.next_token:
                return
            if page.next_token == token:
                raise NotARegistryError(url=self._place.base, answer="the same page of a list twice")
            token = page.next_token

    def version_url(self, version: RegisteredVersion) -> str:
        """The address of a version in the REST API; dashboards have no path that holds from release to release."""
        return f"{self._place.base}model_versions/{version.version_id}"
