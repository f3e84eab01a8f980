"""The sandbox's registry keeps to the official OpenAPI document, named by `SLIPWAY_REGISTRY_OPENAPI`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck
from schemathesis.checks import CHECKS, CheckContext, load_all_checks
from schemathesis.core.failures import Failure
from schemathesis.schemas import BaseSchema

from tests.integration.registry_server import empty_registry, serving

SUPPORTED = [
    "GET registered_model",
    "GET registered_models",
    "POST registered_models",
    "GET registered_models/{registeredmodelId}",
    "PATCH registered_models/{registeredmodelId}",
    "GET model_version",
    "GET model_versions",
    "POST model_versions",
    "GET model_versions/{modelversionId}",
    "PATCH model_versions/{modelversionId}",
    "GET model_artifact",
    "GET model_artifacts",
    "POST model_artifacts",
    "GET model_artifacts/{modelartifactId}",
    "PATCH model_artifacts/{modelartifactId}",
    "GET artifact",
    "GET artifacts",
    "POST artifacts",
    "GET artifacts/{id}",
    "PATCH artifacts/{id}",
    "GET registered_models/{registeredmodelId}/versions",
    "POST registered_models/{registeredmodelId}/versions",
    "GET model_versions/{modelversionId}/artifacts",
    "POST model_versions/{modelversionId}/artifacts",
]

# The document leaves these out where the real server answers them all the same: 400 for a bad list parameter, 404 for
# an id that nothing has, 409 for an external id that is taken.
ALSO_ANSWERED = {400, 404, 409}


# The sandbox refuses filterQuery; a page token is opaque, and must not be made up.
LEFT_OUT = {"filterQuery", "nextPageToken"}

# The document tells artifacts apart by a discriminator, which JSON Schema does not know; a metric needs a value.
ARTIFACT_TYPES = {
    "ModelArtifact": "model-artifact",
    "DocArtifact": "doc-artifact",
    "DataSet": "dataset-artifact",
    "Metric": "metric",
    "Parameter": "parameter",
}

# A lookup needs a name and a parent, or an external id: the document calls all of them optional.
LOOKUPS = {"GET registered_model", "GET model_version", "GET model_artifact", "GET artifact"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The official document, sharpened by what it says in prose only: see the constants above."""
    path = os.environ.get("SLIPWAY_REGISTRY_OPENAPI")
    if not path:
        pytest.skip("SLIPWAY_REGISTRY_OPENAPI does not name the Model Registry's OpenAPI document (YAML)")
    document: dict[str, Any] = yaml.safe_load(Path(path).read_text())
    for operations in document["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "parameters" in operation:
                operation["parameters"] = [p for p in operation["parameters"] if _name(p) not in LEFT_OUT]
    for name, artifact_type in ARTIFACT_TYPES.items():
        for suffix in ("", "Create", "Update"):
            part = {"properties": {"artifactType": {"enum": [artifact_type]}}, "required": ["artifactType"]}
            if name == "Metric":
                part["required"].append("value")
            document["components"]["schemas"][f"{name}{suffix}"]["allOf"].append(part)
    return document


def _name(parameter: dict[str, Any]) -> str:
    return str(parameter.get("name") or parameter["$ref"].rsplit("/", 1)[-1])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a registry that all examples share: what one makes, another finds."""
    with empty_registry(tmp_path_factory.mktemp("registry")) as app, serving(app) as served:
        yield served


@pytest.fixture(scope="module")
def api(document: dict[str, Any], address: str) -> BaseSchema:
    """The document, with its requests sent to the sandbox's registry."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=address)
    # 422: a version of a model that does not exist.
    schema.config.checks.positive_data_acceptance.expected_statuses = ["2xx", "404", "409", "422"]
    return schema


def documented_or_usual_status(_: CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """Refuse a status that neither the document nor the real server knows for the operation."""
    documented = set(case.operation.responses.status_codes)
    if str(response.status_code) not in documented and response.status_code not in ALSO_ANSWERED:
        raise Failure(
            operation=case.operation.label, title="Unknown status", message=f"{response.status_code}, not {documented}"
        )


CHECKED = [
    "not_a_server_error",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
]
load_all_checks()


@pytest.mark.parametrize("operation", SUPPORTED)
def test_every_supported_operation_keeps_to_the_document(api: BaseSchema, operation: str) -> None:
    """A stand-in that answers in another shape would let a wrong client pass here and fail in production."""
    method, path = operation.split()
    checks = [*CHECKS.get_by_names(CHECKED), documented_or_usual_status]
    if operation not in LOOKUPS:
        checks += CHECKS.get_by_names(["positive_data_acceptance"])
    cases = api[f"/api/model_registry/v1alpha3/{path}"][method].as_strategy()

    @hypothesis.settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @hypothesis.given(case=cases)
    def keeps_to_the_document(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=checks)

    keeps_to_the_document()
