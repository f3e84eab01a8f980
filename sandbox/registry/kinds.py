"""The kinds of resource that the registry keeps, and how the JSON of each is checked with the official API's models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import mr_openapi
from pydantic import ValidationError

from sandbox.registry.answers import Refusal

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of resource.

    Attributes:
        name: how the store and the sentences of refusals call it; for an artifact its `artifactType`.
        create: the official model of a POST body.
        update: the official model of a PATCH body.
        replaced: True where a POST under a taken name updates the holder, as the real server does for measurements.
    """

    name: str
    create: type[Any]
    update: type[Any]
    replaced: bool = False


REGISTERED_MODEL = Kind(
    name="registered model", create=mr_openapi.RegisteredModelCreate, update=mr_openapi.RegisteredModelUpdate
)
MODEL_VERSION = Kind(name="model version", create=mr_openapi.ModelVersionCreate, update=mr_openapi.ModelVersionUpdate)
MODEL_ARTIFACT = Kind(
    name="model-artifact", create=mr_openapi.ModelArtifactCreate, update=mr_openapi.ModelArtifactUpdate
)
ARTIFACTS = (
    MODEL_ARTIFACT,
    Kind(name="doc-artifact", create=mr_openapi.DocArtifactCreate, update=mr_openapi.DocArtifactUpdate),
    Kind(name="dataset-artifact", create=mr_openapi.DataSetCreate, update=mr_openapi.DataSetUpdate),
    Kind(name="metric", create=mr_openapi.MetricCreate, update=mr_openapi.MetricUpdate, replaced=True),
    Kind(name="parameter", create=mr_openapi.ParameterCreate, update=mr_openapi.ParameterUpdate, replaced=True),
)


def artifact_kind(artifact_type: object) -> Kind:
    """Find the artifact kind with this `artifactType`.

    Raises:
        Refusal: 400, no such type.
    """
    for kind in ARTIFACTS:
        if kind.name == artifact_type:
            return kind
    raise Refusal(400, f"artifactType must be one of {', '.join(kind.name for kind in ARTIFACTS)}")


def parse(body: bytes) -> Json:
    """Read a request body.

    Raises:
        Refusal: 400, the body is no JSON object, or holds a number or a string that JSON cannot carry back.
    """
    try:
        parsed = json.loads(body)
        # What cannot be written again (NaN, an infinity, half a surrogate pair) must not get into the store.
        json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise Refusal(400, f"the body is not valid JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise Refusal(400, "the body must be a JSON object")
    return parsed


def checked(body: Json, model: type[Any]) -> Json:
    """Check a body with an official model, and keep what that model knows.

    A key that is null counts as absent, as for the real server.

    Returns:
        The known keys that were sent, unchanged: no default is filled in, so that a PATCH touches only what it names.

    Raises:
        Refusal: 400, with the first thing that is wrong.
    """
    sent = {key: value for key, value in body.items() if value is not None}
    properties = sent.get("customProperties", {})
    if not isinstance(properties, dict) or not all(isinstance(value, dict) for value in properties.values()):
        raise Refusal(400, "customProperties must map names to metadata values")
    known = {field.alias or name for name, field in model.model_fields.items()}
    sent = {key: value for key, value in sent.items() if key in known}
    # v1alpha3 has the step of a metric as a number, v1 and its models as a string.
    step = {"step": str(sent["step"])} if type(sent.get("step")) is int else {}
    try:
        model.from_dict({**sent, **step})
    except ValidationError as error:
        first = error.errors()[0]
        raise Refusal(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except ValueError as error:
        raise Refusal(400, str(error)) from error
    return sent
