"""What the registry client does over one connection: look up, list, and make an entry as it should be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import mr_openapi
from mr_openapi import MetadataValue

from blocks.registry_entries import (
    ArtifactSource,
    RegisteredArtifact,
    RegisteredVersion,
    VersionEntry,
    Wire,
    differing,
    from_wire,
)
from blocks.registry_errors import NameTakenError
from blocks.registry_session import RegistrySession

T = TypeVar("T")

_PAGE_SIZE = "100"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, and the token of the next part; an empty token after the last."""

    items: tuple[T, ...]
    next_token: str


async def ping(session: RegistrySession) -> None:
    """Ask for something that every registry can answer."""
    await session.ask(session.api.get_registered_models(page_size="1"))


async def find_version(session: RegistrySession, model: str, version: str) -> RegisteredVersion | None:
    """Look a version up by both names; None if there is no such model or version."""
    pair = await _find_pair(session, model, version)
    return None if pair is None else await _with_artifact(session, *pair)


async def list_models(session: RegistrySession, token: str) -> Page[str]:
    """Read one page of the names of all registered models, oldest first."""
    listed = await session.ask(
        session.api.get_registered_models(
            page_size=_PAGE_SIZE,
            order_by=mr_openapi.OrderByField.ID,
            sort_order=mr_openapi.SortOrder.ASC,
            next_page_token=token or None,
        )
    )
    return Page(tuple(model.name for model in listed.items), listed.next_page_token)


async def list_page(session: RegistrySession, model: str, token: str) -> Page[RegisteredVersion]:
    """Read one page of the versions of a model, oldest first; an empty one if the registry does not know the model."""
    held = await session.find(session.api.find_registered_model(name=model))
    if held is None:
        return Page((), "")
    # Without an explicit order, servers of 2025 ignore the token and serve the first page for ever.
    listed = await session.ask(
        session.api.get_registered_model_versions(
            str(held.id),
            page_size=_PAGE_SIZE,
            order_by=mr_openapi.OrderByField.ID,
            sort_order=mr_openapi.SortOrder.ASC,
            next_page_token=token or None,
        )
    )
    versions = [await _with_artifact(session, held, version) for version in listed.items]
    return Page(tuple(versions), listed.next_page_token)


async def merge_properties(
    session: RegistrySession, model: str, version: str, properties: Mapping[str, Wire]
) -> RegisteredVersion | None:
    """Set custom properties of a version and keep its others; None if there is no such version."""
    pair = await _find_pair(session, model, version)
    if pair is None:
        return None
    held, found = pair
    return await _with_artifact(session, held, await _corrected_version(session, found, {}, properties))


async def upsert_version(
    session: RegistrySession, entry: VersionEntry, *, properties: Mapping[str, Wire], author: str
) -> RegisteredVersion:
    """Make the registry hold an entry; see `RegistryClient.upsert_version`.

    Args:
        session: the connection.
        entry: what it should hold.
        properties: the entry's custom properties, as the API has them.
        author: who registers it, if the model or the version is new.
    """
    api = session.api
    model = await _find_or_create(
        session,
        lambda: api.find_registered_model(name=entry.model),
        lambda: api.create_registered_model(mr_openapi.RegisteredModelCreate(name=entry.model, owner=author)),
    )
    version = await _find_or_create(
        session,
        lambda: api.find_model_version(name=entry.version, parent_resource_id=str(model.id)),
        lambda: api.create_model_version(
            mr_openapi.ModelVersionCreate(
                name=entry.version,
                registered_model_id=str(model.id),
                author=author,
                description=entry.description or None,
                custom_properties=_values(properties),
            )
        ),
    )
    fields = entry.artifact_fields()
    artifact = await _find_or_create(
        session,
        lambda: _find_artifact(session, model, version),
        lambda: _create_artifact(session, model, version, {**fields, "name": entry.model, "state": "LIVE"}),
    )
    wanted = {"description": entry.description} if entry.description else {}
    version = await _corrected_version(session, version, wanted, properties)
    changes = differing(artifact.to_dict(), fields)
    if changes:
        artifact = await session.ask(api.update_model_artifact(str(artifact.id), _artifact_update(changes)))
    return _version(model, version, artifact)


async def _find_or_create(
    session: RegistrySession, find: Callable[[], Awaitable[T]], create: Callable[[], Awaitable[T]]
) -> T:
    """Look up; make what is not there; look up again if another caller made it in between."""
    found = await session.find(find())
    if found is not None:
        return found
    try:
        return await session.ask(create())
    except NameTakenError:
        return await session.ask(find())


async def _corrected_version(
    session: RegistrySession,
    version: mr_openapi.ModelVersion,
    fields: Mapping[str, object],
    properties: Mapping[str, Wire],
) -> mr_openapi.ModelVersion:
    """Patch what differs from the wanted fields and custom properties; ask nothing if nothing does."""
    held = version.to_dict()
    held_properties = held.get("customProperties", {})
    changes: dict[str, Any] = differing(held, fields)
    if differing(held_properties, properties):
        # A PATCH replaces the whole map: what others put there goes along, whatever its type.
        changes["customProperties"] = _values({**held_properties, **properties})
    if not changes:
        return version
    # Unless it is left out by hand, the client sends a state of LIVE, which would revive an archived version.
    update = mr_openapi.ModelVersionUpdate.model_validate({**changes, "state": None})
    return await session.ask(session.api.update_model_version(str(version.id), update))


def _artifact_update(changes: Mapping[str, object]) -> mr_openapi.ModelArtifactUpdate:
    return mr_openapi.ModelArtifactUpdate.model_validate({**changes, "state": None, "artifactType": "model-artifact"})


def _values(properties: Mapping[str, Wire]) -> dict[str, MetadataValue]:
    return {name: MetadataValue.from_dict(wire) for name, wire in properties.items()}


async def _create_artifact(
    session: RegistrySession,
    model: mr_openapi.RegisteredModel,
    version: mr_openapi.ModelVersion,
    fields: Mapping[str, str],
) -> mr_openapi.ModelArtifact:
    artifact = mr_openapi.ModelArtifact.model_validate({**fields, "artifactType": "model-artifact"})
    await session.api.upsert_model_version_artifact(str(version.id), mr_openapi.Artifact(artifact))
    return await _find_artifact(session, model, version)


def _find_artifact(
    session: RegistrySession, model: mr_openapi.RegisteredModel, version: mr_openapi.ModelVersion
) -> Awaitable[mr_openapi.ModelArtifact]:
    """The official client, too, names the artifact of a version after the model."""
    return session.api.find_model_artifact(name=model.name, parent_resource_id=str(version.id))


async def _find_pair(
    session: RegistrySession, model: str, version: str
) -> tuple[mr_openapi.RegisteredModel, mr_openapi.ModelVersion] | None:
    """Look a model and its version up by the singular endpoints: lists ignore `name`, their first record is any."""
    held = await session.find(session.api.find_registered_model(name=model))
    if held is None:
        return None
    found = await session.find(session.api.find_model_version(name=version, parent_resource_id=str(held.id)))
    return None if found is None else (held, found)


async def _with_artifact(
    session: RegistrySession, model: mr_openapi.RegisteredModel, version: mr_openapi.ModelVersion
) -> RegisteredVersion:
    return _version(model, version, await session.find(_find_artifact(session, model, version)))


def _version(
    model: mr_openapi.RegisteredModel, version: mr_openapi.ModelVersion, artifact: mr_openapi.ModelArtifact | None
) -> RegisteredVersion:
    held = version.to_dict()
    return RegisteredVersion(
        model=model.name,
        version=version.name,
        model_id=str(model.id),
        version_id=str(version.id),
        state=version.state.value if version.state else "LIVE",
        description=version.description or "",
        author=version.author or "",
        properties=from_wire(held.get("customProperties", {})),
        artifact=None if artifact is None else _artifact(artifact),
    )


def _artifact(artifact: mr_openapi.ModelArtifact) -> RegisteredArtifact:
    return RegisteredArtifact(
        id=str(artifact.id),
        name=artifact.name or "",
        uri=artifact.uri or "",
        format_name=artifact.model_format_name or "",
        format_version=artifact.model_format_version or "",
        source=ArtifactSource(
            kind=artifact.model_source_kind or "",
            source_class=artifact.model_source_class or "",
            group=artifact.model_source_group or "",
            id=artifact.model_source_id or "",
            name=artifact.model_source_name or "",
        ),
    )
