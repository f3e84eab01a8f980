"""Our KServe objects against KServe's own definitions where they are at hand, and against our reading always."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deployments import catalog
from deployments.catalog import keys
from deployments.spec import ModelSpec
from k8s.manifests.inference_service import inference_service
from k8s.manifests.serving_runtime import serving_runtime
from tests.golden.regenerate import BASE_IMAGE, INPUTS, NAMESPACE, model

SHAPES = Path(__file__).parent / "shapes"
REPLICAS = Path(__file__).parents[2] / "sandbox" / "models"
VARIABLE = "SLIPWAY_KSERVE_CRDS"

Object = dict[str, Any]


def _services() -> Iterator[Any]:
    for key in keys():
        yield pytest.param(inference_service(model(key), INPUTS), id=key)
        yield pytest.param(inference_service(_serverless(model(key)), INPUTS), id=f"{key}-serverless")
        yield pytest.param(inference_service(catalog.load(key, overlay=REPLICAS), INPUTS), id=f"{key}-replica")


def _serverless(spec: ModelSpec) -> ModelSpec:
    return spec.model_copy(update={"serving": spec.serving.model_copy(update={"deployment_mode": "Serverless"})})


SERVICES = list(_services())
RUNTIME = serving_runtime(namespace=NAMESPACE, image=BASE_IMAGE, slowest_load_seconds=360)


def _shape(name: str) -> Object:
    shape: Object = yaml.safe_load((SHAPES / f"{name}.yaml").read_text(encoding="utf-8"))
    return shape


@pytest.fixture(scope="module")
def definitions() -> dict[tuple[str, str], Object]:
    """KServe's schemas by apiVersion and kind, from the folder that SLIPWAY_KSERVE_CRDS names."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} names no folder with KServe's CRDs (*.yaml of the release that the cluster runs)")
    found = {}
    for file in sorted(Path(folder).glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
                spec = document["spec"]
                for version in spec["versions"]:
                    name = f"{spec['group']}/{version['name']}"
                    found[name, spec["names"]["kind"]] = _closed(version["schema"]["openAPIV3Schema"])
    return found


def _closed(schema: Any, *, top: bool = True) -> Any:  # noqa: ANN401 - a schema is any JSON
    """Refuse unknown fields below metadata: the API server drops them silently, and the setting with them."""
    if isinstance(schema, list):
        return [_closed(each, top=False) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value, top=False) for name, value in schema.items()}
    open_ended = top or schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_ended:
        closed["additionalProperties"] = False
    return closed


def _errors(schema: Object, manifest: Object) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]


@pytest.mark.parametrize("service", SERVICES)
def test_an_inference_service_has_the_shape_that_we_know(service: Object) -> None:
    """A misspelt field is dropped by the API server, and nobody notices until the wrong node serves."""
    assert _errors(_shape("inference_service"), service) == []


def test_the_runtime_has_the_shape_that_we_know() -> None:
    """A container of another name is started beside the engine instead of being merged into it."""
    assert _errors(_shape("serving_runtime"), RUNTIME) == []


def test_our_shape_notices_a_misspelt_field() -> None:
    """A schema that takes everything would make the tests above worthless."""
    service = inference_service(model("full"), INPUTS)
    service["spec"]["predictor"]["deploymentStrategie"] = service["spec"]["predictor"].pop("deploymentStrategy")
    assert _errors(_shape("inference_service"), service)


@pytest.mark.parametrize("service", SERVICES)
def test_kserve_accepts_an_inference_service(service: Object, definitions: dict[tuple[str, str], Object]) -> None:
    """What the cluster's own definition refuses fails at the very end of a deployment."""
    assert _errors(definitions["serving.kserve.io/v1beta1", "InferenceService"], service) == []


def test_kserve_accepts_the_runtime(definitions: dict[tuple[str, str], Object]) -> None:
    """Without the runtime no model is served at all."""
    assert _errors(definitions["serving.kserve.io/v1alpha1", "ServingRuntime"], RUNTIME) == []


def test_kserves_definition_notices_a_misspelt_field(definitions: dict[tuple[str, str], Object]) -> None:
    """A definition that was read without closing it would take everything."""
    service = inference_service(model("full"), INPUTS)
    service["spec"]["predictor"]["deploymentStrategie"] = {}
    assert _errors(definitions["serving.kserve.io/v1beta1", "InferenceService"], service)


def test_the_service_and_the_runtime_name_each_other() -> None:
    """KServe refuses a service whose format its runtime does not list."""
    predictor = inference_service(model("quantized"), INPUTS)["spec"]["predictor"]
    formats = [{key: each[key] for key in ("name", "version")} for each in RUNTIME["spec"]["supportedModelFormats"]]
    assert predictor["model"]["runtime"] == RUNTIME["metadata"]["name"]
    assert predictor["model"]["modelFormat"] in formats


def test_what_a_service_replaces_has_the_runtimes_name() -> None:
    """KServe merges volumes by name: another name would add a second one that nothing mounts."""
    predictor = inference_service(model("quantized"), INPUTS)["spec"]["predictor"]
    ours = {volume["name"] for volume in predictor["volumes"]}
    assert ours <= {volume["name"] for volume in RUNTIME["spec"]["volumes"]}
