"""prefect.yaml: every model has its deployments, and Prefect understands what is written there."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from jsonschema import ValidationError
from prefect import flow
from prefect.client.schemas.actions import DeploymentCreate
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import TypeAdapter

from deployments.catalog import ModelKey, keys

ROOT = Path(__file__).parents[2]
WRITTEN: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
WORK_POOL: dict[str, Any] = json.loads((ROOT / "deployments" / "work-pool.json").read_text())
FLOWS = ("deploy", "import", "remove", "test", "verify")
"""The flows that every model of the catalog has a deployment of; a flow's tag is its name."""
BY_NAME: dict[str, dict[str, Any]] = {
    f"{made['tags'][0]}/{made['name']}": made for made in WRITTEN["deployments"] if made["tags"][0] in FLOWS
}
NAMES = sorted(f"{flow}/{key}" for flow in FLOWS for key in keys())
deployments = pytest.mark.parametrize("name", NAMES)


def deployment(name: str, *, image: str) -> DeploymentCreate:
    """Build what `prefect deploy` sends for a model."""
    variables = {**BY_NAME[name]["work_pool"]["job_variables"], "image": image}
    return DeploymentCreate(name=name.partition("/")[2], flow_id=uuid4(), job_variables=variables)


def test_every_model_has_its_deployments() -> None:
    """A model of the catalog could not be imported or deployed, or a deployment would have no model."""
    assert sorted(BY_NAME) == NAMES


@deployments
def test_failure_2_a_deployment_is_about_the_model_of_its_name(name: str) -> None:
    """`prefect deployment run import/quantized` would import another model."""
    assert BY_NAME[name]["parameters"] == {"model": name.partition("/")[2]}


@deployments
def test_runs_of_one_deployment_queue(name: str) -> None:
    """A second import would be cancelled, or run beside the first."""
    assert BY_NAME[name]["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


@deployments
def test_the_entrypoint_is_the_flow_of_its_name(name: str) -> None:
    """`prefect deploy` would fail, or load a second copy of the module from a file."""
    entrypoint = BY_NAME[name]["entrypoint"]
    assert ":" not in entrypoint
    assert load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False).name == name.partition("/")[0]


@deployments
def test_the_api_knows_the_models_before_a_run_exists(name: str) -> None:
    """A mistyped model would be found by a pod, minutes later."""
    found = load_flow_from_entrypoint(BY_NAME[name]["entrypoint"], use_placeholder_flow=False)
    assert parameter_schema(found).model_dump()["properties"]["model"]["enum"] == keys()


@pytest.mark.parametrize(
    ("name", "crons"), [("audit/all", ["30 5 * * *"]), ("cleanup/storage", [])], ids=["audit", "cleanup"]
)
def test_what_is_about_the_whole_platform_has_one_deployment(name: str, crons: list[str]) -> None:
    """Damage would wait for somebody to ask, or files would be removed by night."""
    flow_name, _, deployment_name = name.partition("/")
    [made] = [made for made in WRITTEN["deployments"] if made["tags"] == [flow_name]]
    assert (made["name"], made["parameters"]) == (deployment_name, {})
    assert [schedule["cron"] for schedule in made["schedules"]] == crons
    assert made["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert load_flow_from_entrypoint(made["entrypoint"], use_placeholder_flow=False).name == flow_name
    variables = {**made["work_pool"]["job_variables"], "image": "registry.example.com/slipway-flows:1"}
    assert set(variables) <= set(WORK_POOL["variables"]["properties"])


def test_a_cleanup_removes_nothing_unless_told_to() -> None:
    """Whoever tries it out would lose what he wanted to see."""
    found = load_flow_from_entrypoint("flows.cleanup_storage.flow.cleanup_storage", use_placeholder_flow=False)
    assert parameter_schema(found).model_dump()["properties"]["apply"]["default"] is False


def test_a_model_key_carries_the_catalog_into_a_schema() -> None:
    """A new YAML file would not be a new model for Prefect."""

    @flow(name="probe")
    def probe(model: ModelKey) -> None: ...

    assert parameter_schema(probe).model_dump()["properties"]["model"]["enum"] == keys()
    assert TypeAdapter(ModelKey).json_schema()["enum"] == keys()


def test_the_comparison_is_of_two_models_of_the_catalog() -> None:
    """`prefect deployment run compare/quantized-vs-full` would compare others, or fail in a pod."""
    [made] = [each for each in WRITTEN["deployments"] if each["tags"] == ["compare"]]
    found = load_flow_from_entrypoint(made["entrypoint"], use_placeholder_flow=False)
    assert f"{found.name}/{made['name']}" == "compare/quantized-vs-full"
    assert made["parameters"] == {"candidate": "quantized", "reference": "full"}
    properties = parameter_schema(found).model_dump()["properties"]
    assert {name: properties[name]["enum"] for name in made["parameters"]} == {
        "candidate": keys(),
        "reference": keys(),
    }
    assert set(made["work_pool"]["job_variables"]) <= set(WORK_POOL["variables"]["properties"])


def test_nothing_is_built_pushed_or_pulled() -> None:
    """Prefect would clone a repository into every pod, though the flows are in the image."""
    assert {step: WRITTEN[step] for step in ("build", "push", "pull")} == {"build": [], "push": [], "pull": []}


def test_tests_are_nightly_and_an_hour_apart() -> None:
    """Two tests on one node measure each other; one that is scheduled for nobody's night is noticed in the day."""
    crons = [BY_NAME[f"test/{key}"]["schedules"] for key in keys()]
    assert all(len(schedules) == 1 and schedules[0]["timezone"] == "UTC" for schedules in crons)
    minutes = [60 * int(hour) + int(minute) for minute, hour, *rest in (each[0]["cron"].split() for each in crons)]
    assert all(0 <= minute < 6 * 60 for minute in minutes)
    ordered = sorted(minutes)
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(ordered))


def test_every_deployment_is_described() -> None:
    """The Prefect UI would show names that nobody can tell apart."""
    descriptions = [made["description"] for made in WRITTEN["deployments"]]
    assert all(description.endswith(".") for description in descriptions)
    assert len(set(descriptions)) == len(descriptions)


@deployments
def test_a_deployment_uses_variables_that_the_work_pool_has(name: str) -> None:
    """A mistyped job variable would be ignored, or refused only when the deployment is made."""
    pool = BY_NAME[name]["work_pool"]
    assert pool["name"] == "slipway"
    assert set(pool["job_variables"]) <= set(WORK_POOL["variables"]["properties"])
    deployment(name, image="registry.example.com/slipway-flows:1").check_valid_configuration(WORK_POOL)


@pytest.mark.parametrize("image", ["", "{{ $SLIPWAY_FLOWS_IMAGE }}", "a b"])
def test_a_deployment_without_an_image_is_refused(image: str) -> None:
    """`prefect deploy` without SLIPWAY_FLOWS_IMAGE would succeed, and every pod would fail to start."""
    with pytest.raises(ValidationError):
        deployment("import/quantized", image=image).check_valid_configuration(WORK_POOL)
