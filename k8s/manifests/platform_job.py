"""The Job that looks at the platform from where flow runs stand: inside, behind the network policies: pure."""

from __future__ import annotations

from typing import Any

from k8s.manifests.fill_job import SERVICE_ACCOUNT
from k8s.manifests.flow_image import flow_container, flow_volumes
from k8s.manifests.labels import shared_labels
from k8s.manifests.restricted import restricted_pod

NAME = "platform-check"

_AUTH_SECRET = "prefect-api-auth"  # noqa: S105 - the name of a Secret
_AUTH_KEY = "PREFECT_API_AUTH_STRING"
_SECONDS = 600
_KEEP_SECONDS = 3600


def platform_job(*, namespace: str, image: str, module: str, timeout_seconds: int = _SECONDS) -> dict[str, Any]:
    """Return the Job. It gets addresses, S3 keys and Prefect's auth string as a flow run gets them.

    Args:
        namespace: where flow runs are.
        image: the image of flow runs.
        module: the module in it that looks.
        timeout_seconds: for all of it, its image pull included.
    """
    # The network policies open Prefect's port to pods of this label.
    labels = {**shared_labels(NAME, component="platform"), "slipway.dev/component": "flow-run"}
    container = flow_container(name="check", image=image, module=module, arguments=[], mounts=[])
    container["env"] += [
        {"name": _AUTH_KEY, "valueFrom": {"secretKeyRef": {"name": _AUTH_SECRET, "key": _AUTH_KEY}}},
        {"name": "PREFECT_HOME", "value": "/scratch/prefect"},
        {"name": "PREFECT_SERVER_EPHEMERAL_ENABLED", "value": "false"},
    ]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": timeout_seconds,
            "ttlSecondsAfterFinished": _KEEP_SECONDS,
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {
                    **restricted_pod(),
                    "serviceAccountName": SERVICE_ACCOUNT,
                    "containers": [container],
                    "volumes": flow_volumes(),
                },
            },
        },
    }
