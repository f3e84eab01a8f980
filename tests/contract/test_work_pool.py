"""The work pool's base job template: what Prefect's Kubernetes worker makes of it, with no secret in plain text."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_CLIENT_CUSTOM_HEADERS,
    PREFECT_SERVER_API_AUTH_STRING,
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    PREFECT_SERVER_DATABASE_PASSWORD,
    PREFECT_SERVER_DOCKET_URL,
    Settings,
    temporary_settings,
)
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration
from pydantic import BaseModel

from blocks.served_model import TOKEN_VARIABLE
from k8s.manifests.evaluation_job import TOKEN_KEY, TOKEN_SECRET
from k8s.manifests.placement import away_from_gpus

TEMPLATE: dict[str, Any] = json.loads((Path(__file__).parents[2] / "deployments" / "work-pool.json").read_text())
VARIABLES: dict[str, dict[str, Any]] = TEMPLATE["variables"]["properties"]
FLOW_RUN = UUID("11111111-1111-1111-1111-111111111111")


def job(**variables: object) -> dict[str, Any]:
    """Render the Job as the worker would for a flow run, with these job variables."""

    async def render() -> dict[str, Any]:
        # The client is asked only for blocks and variables of Prefect, and the template has none.
        configuration = await KubernetesWorkerJobConfiguration.from_template_and_values(
            TEMPLATE, {"image": "slipway-flows:1", **variables}, client=PrefectClient("http://127.0.0.1:9/api")
        )
        configuration.prepare_for_flow_run(FlowRun(id=FLOW_RUN, flow_id=FLOW_RUN, name="import-quantized"))
        manifest: dict[str, Any] = configuration.job_manifest
        return manifest

    return asyncio.run(render())


def environment(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the container's variables by name: a text, or the Secret's name and key."""
    entries = manifest["spec"]["template"]["spec"]["containers"][0]["env"]
    names = [entry["name"] for entry in entries]
    assert len(set(names)) == len(names)
    return {entry["name"]: entry.get("value", entry.get("valueFrom", {}).get("secretKeyRef")) for entry in entries}


def placeholders(value: object) -> Iterator[str]:
    """Find every {{ variable }} of the template."""
    yield from re.findall(r"\{\{ (\w+) }}", json.dumps(value))


def test_every_variable_is_declared_used_and_explained() -> None:
    """A variable would silently have no effect, or the UI would not say what it does."""
    assert set(placeholders(TEMPLATE["job_configuration"])) == set(VARIABLES)
    assert [name for name, schema in VARIABLES.items() if not schema.get("description")] == []


def test_every_variable_but_the_image_has_a_default() -> None:
    """A deployment would have to know the pool, or run an image that holds no flows."""
    assert [name for name, schema in VARIABLES.items() if "default" not in schema] == TEMPLATE["variables"]["required"]
    assert TEMPLATE["variables"]["required"] == ["image"]


def test_the_job_that_a_flow_run_becomes() -> None:
    """A flow pod would run with other rights, for another time, or by another command than was reviewed."""
    manifest = job()
    pod = manifest["spec"].pop("template")["spec"]
    [container] = pod.pop("containers")
    del container["env"]
    assert (manifest["metadata"]["namespace"], manifest["metadata"]["generateName"]) == (
        "private-ai-demo",
        "import-quantized-",
    )
    assert manifest["metadata"]["labels"]["slipway.dev/component"] == "flow-run"
    assert manifest["spec"] == {"backoffLimit": 0, "activeDeadlineSeconds": 21600, "ttlSecondsAfterFinished": 3600}
    assert pod == {
        "completions": 1,
        "parallelism": 1,
        "restartPolicy": "Never",
        "serviceAccountName": "slipway-flows",
        "automountServiceAccountToken": True,
        # Import and test leave the cores and the disk of a GPU node to the model that is served there.
        **away_from_gpus(),
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [
            {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}},
            {
                "name": "registry",
                "secret": {
                    "secretName": "quay-credentials",
                    "items": [{"key": ".dockerconfigjson", "path": "auth.json"}],
                    "optional": True,
                },
            },
            {"name": "authorities", "configMap": {"name": "slipway-ca", "optional": True}},
        ],
    }
    assert container == {
        "name": "prefect-job",
        "image": "slipway-flows:1",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "prefect"],
        "args": ["flow-run", "execute"],
        "envFrom": [{"configMapRef": {"name": "slipway-environment"}}],
        "resources": {
            "requests": {"cpu": "500m", "memory": "512Mi"},
            "limits": {"cpu": "2", "memory": "2Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "scratch", "mountPath": "/scratch"},
            {"name": "registry", "mountPath": "/slipway/registry", "readOnly": True},
            {"name": "authorities", "mountPath": "/slipway/ca", "readOnly": True},
        ],
    }


def test_the_pod_can_be_found_by_its_label() -> None:
    """A network policy for flow pods would select none."""
    assert (
        job(labels={"team": "a"})["spec"]["template"]["metadata"]["labels"].items()
        >= {
            "slipway.dev/component": "flow-run",
            "prefect.io/flow-run-id": str(FLOW_RUN),
            "team": "a",
        }.items()
    )


def test_a_flow_run_knows_its_own_image() -> None:
    """A deploy would run its fill Job with another version of the project, or with none."""
    assert environment(job(image="slipway-flows:2"))["SLIPWAY_FLOWS_IMAGE"] == "slipway-flows:2"


def test_secrets_reach_the_pod_by_reference() -> None:
    """A token would stand in the Job, readable by whoever may read Jobs."""
    assert {name: value for name, value in environment(job()).items() if isinstance(value, dict)} == {
        "HF_TOKEN": {"name": "huggingface-token", "key": "HF_TOKEN", "optional": True},
        TOKEN_VARIABLE: {"name": TOKEN_SECRET, "key": TOKEN_KEY, "optional": True},
        "AWS_ACCESS_KEY_ID": {"name": "minio-credentials", "key": "accesskey"},
        "AWS_SECRET_ACCESS_KEY": {"name": "minio-credentials", "key": "secretkey"},
        "PREFECT_API_AUTH_STRING": {
            "name": "prefect-api-auth",
            "key": "PREFECT_API_AUTH_STRING",
            "optional": True,
        },
    }


def test_a_deployments_variables_join_the_pools() -> None:
    """A deployment that sets one variable would lose the pool's others, or the secrets."""
    found = environment(job(env={"LOG_FORMAT": "json"}))
    assert (found["LOG_FORMAT"], found["PREFECT_HOME"]) == ("json", "/scratch/prefect")
    assert found["HF_TOKEN"]["name"] == "huggingface-token"


def test_failure_16_the_workers_own_secrets_stay_with_the_worker() -> None:
    """The worker hands its settings to every pod, as plain text in the Job."""
    secrets = {
        PREFECT_API_KEY: "a-secret",
        PREFECT_API_AUTH_STRING: "a-secret",
        PREFECT_CLIENT_CUSTOM_HEADERS: {"Authorization": "a-secret"},
        PREFECT_SERVER_API_AUTH_STRING: "a-secret",
        PREFECT_SERVER_DATABASE_CONNECTION_URL: "sqlite+aiosqlite:///a-secret",
        PREFECT_SERVER_DATABASE_PASSWORD: "a-secret",
        PREFECT_SERVER_DOCKET_URL: "redis://a-secret",
    }
    with temporary_settings({**secrets, PREFECT_API_URL: "http://prefect:4200/api"}):
        manifest = job()
    # The address arrives: so the settings were read, and the secrets were left out.
    assert environment(manifest)["PREFECT_API_URL"] == "http://prefect:4200/api"
    assert "a-secret" not in json.dumps(manifest)


def _guarded(settings: type[BaseModel], above: str = "PREFECT") -> Iterator[str]:
    for name, field in settings.model_fields.items():
        variable = f"{above}_{name}".upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _guarded(field.annotation, variable)
        elif re.search(r"Secret|Path", str(field.annotation)):
            yield variable


def test_every_secret_and_path_of_prefect_is_kept_out_or_replaced() -> None:
    """A new release of Prefect would bring a secret setting that the pool does not know."""
    assert set(_guarded(Settings)) <= set(VARIABLES["env"]["default"])


def test_the_template_holds_no_value_of_a_secret() -> None:
    """A secret would be committed, and shown in the Prefect UI."""
    env = VARIABLES["env"]["default"]
    secret = re.compile(r"KEY|TOKEN|PASSWORD|AUTH|HEADERS|_URL$")
    assert {name: value for name, value in env.items() if secret.search(name) and value is not None} == {}
