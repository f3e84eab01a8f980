"""What we write to and read from a model registry, and how its values travel: pure, no client and no network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.errors import RejectedError

Property = str | int | float | bool
"""What a custom property of ours may be."""

Wire = dict[str, Any]
"""A custom property as the REST API has it: `{"string_value": "x", "metadataType": "MetadataStringValue"}`."""

SYSTEM = "model registry"

# The REST API has integers as strings of at most nine digits, in its document and in its official client.
_LARGEST_INTEGER = 999_999_999

_READABLE = {
    "MetadataStringValue": ("string_value", str),
    "MetadataIntValue": ("int_value", int),
    "MetadataDoubleValue": ("double_value", float),
    "MetadataBoolValue": ("bool_value", bool),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactSource:
    """Where a model came from, as the registry's `modelSource…` fields have it.

    Attributes:
        kind: the sort of source, for example `huggingface`.
        source_class: the sort within the kind, for example `repository`.
        group: the group within the class, for example the organization.
        id: what names the source for good, for example the commit.
        name: what people call it, for example `org/repo`.
    """

    kind: str
    source_class: str
    group: str
    id: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionEntry:
    """A version as it should stand in the registry.

    Its artifact is named after the model: so the official client's `get_model_artifact(model, version)` finds it.

    Attributes:
        model: name of the registered model.
        version: name of the version, unique in its model.
        uri: where the weights are, `s3://bucket/model/version/`.
        format_name: the serving format, for example `vLLM`.
        format_version: the version of that format.
        description: for people; an empty one leaves what is there.
        properties: custom properties to set; others that the version has are kept.
        source: where the model came from.
        author: who registers it, when the version is new; the block's author if None.
        storage_key: name of the Secret with the storage's credentials.
        storage_path: path of the weights in that storage.
    """

    model: str
    version: str
    uri: str
    format_name: str
    format_version: str
    description: str
    properties: Mapping[str, Property]
    source: ArtifactSource
    author: str | None = None
    storage_key: str | None = None
    storage_path: str | None = None

    def artifact_fields(self) -> dict[str, str]:
        """The fields of the model artifact, as the REST API names them."""
        fields = {
            "uri": self.uri,
            "modelFormatName": self.format_name,
            "modelFormatVersion": self.format_version,
            "storageKey": self.storage_key,
            "storagePath": self.storage_path,
            "modelSourceKind": self.source.kind,
            "modelSourceClass": self.source.source_class,
            "modelSourceGroup": self.source.group,
            "modelSourceId": self.source.id,
            "modelSourceName": self.source.name,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredArtifact:
    """The model artifact of a version; what the registry leaves out is an empty string."""

    id: str
    name: str
    uri: str
    format_name: str
    format_version: str
    source: ArtifactSource


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredVersion:
    """A version as it stands in the registry.

    Attributes:
        model: name of the registered model.
        version: name of the version.
        model_id: the registry's id of the model.
        version_id: the registry's id of the version.
        state: `LIVE` or `ARCHIVED`.
        description: for people; empty if there is none.
        author: who registered it; empty if unknown.
        properties: its custom properties, without those that hold structures of other tools.
        artifact: where the weights are; None if the entry is only half made.
    """

    model: str
    version: str
    model_id: str
    version_id: str
    state: str
    description: str
    author: str
    properties: dict[str, Property]
    artifact: RegisteredArtifact | None


class UnfitPropertyError(RejectedError):
    """A custom property holds a value that the registry's API cannot carry."""

    def __init__(self, *, name: str, value: object) -> None:
        super().__init__(
            SYSTEM,
            f"the custom property {name} cannot be {value!r}: the API carries strings, booleans, finite numbers, and "
            f"integers up to {_LARGEST_INTEGER}. Store it as a string, then run again",
        )


def to_wire(properties: Mapping[str, Property]) -> dict[str, Wire]:
    """Write custom properties as the REST API has them.

    Raises:
        UnfitPropertyError: a value that the API cannot carry.
    """
    return {name: _to_wire(name, value) for name, value in properties.items()}


def _to_wire(name: str, value: Property) -> Wire:
    if isinstance(value, bool):  # before int, of which it is one in Python
        return {"bool_value": value, "metadataType": "MetadataBoolValue"}
    if isinstance(value, str):
        return {"string_value": value, "metadataType": "MetadataStringValue"}
    if isinstance(value, int) and abs(value) <= _LARGEST_INTEGER:
        return {"int_value": str(value), "metadataType": "MetadataIntValue"}
    if isinstance(value, float) and math.isfinite(value):
        return {"double_value": value, "metadataType": "MetadataDoubleValue"}
    raise UnfitPropertyError(name=name, value=value)


def from_wire(properties: Mapping[str, Wire]) -> dict[str, Property]:
    """Read custom properties, leaving out the two types that hold other tools' structures."""
    read: dict[str, Property] = {}
    for name, wire in properties.items():
        if wire["metadataType"] in _READABLE:
            field, kind = _READABLE[wire["metadataType"]]
            read[name] = kind(wire[field])
    return read


def differing(held: Mapping[str, object], wanted: Mapping[str, object]) -> dict[str, object]:
    """Say which of the wanted fields are not yet held; the JSON types count, so True differs from 1."""
    return {
        name: value
        for name, value in wanted.items()
        if name not in held or held[name] != value or type(held[name]) is not type(value)
    }
