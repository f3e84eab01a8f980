"""A container of the flow image that runs one of our modules with access to S3 and to nothing else: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from k8s.manifests.restricted import restricted_container

ENVIRONMENT = "slipway-environment"
"""The ConfigMap with the addresses that flow runs read too."""
TERMINATION_LOG = "/dev/termination-log"

_SCRATCH = "/scratch"
_SCRATCH_SIZE = "1Gi"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"}
_CREDENTIAL_SECRET = "minio-credentials"  # noqa: S105 - the name of a Secret


def flow_container(
    *, name: str, image: str, module: str, arguments: Sequence[str], mounts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the container; its pod needs `scratch_volume`.

    The module may write a result to the file that the variable TERMINATION_LOG names; a flow reads it from the pod's
    status.

    Args:
        name: the container's name.
        image: the image of flow runs.
        module: the module that `python -m` runs.
        arguments: its arguments; every path that it needs is among them.
        mounts: volume mounts besides the scratch folder's.
    """
    return {
        "name": name,
        "image": image,
        "command": ["python", "-m", module],
        "args": list(arguments),
        "envFrom": [{"configMapRef": {"name": ENVIRONMENT}}],
        "env": [
            # The root file system is read-only, and libraries write to the home folder.
            {"name": "HOME", "value": _SCRATCH},
            {"name": "TMPDIR", "value": _SCRATCH},
            {"name": "TERMINATION_LOG", "value": TERMINATION_LOG},
            *(_secret_variable(variable, key) for variable, key in _CREDENTIALS.items()),
        ],
        "resources": {
            "requests": {"cpu": "500m", "memory": "512Mi"},
            "limits": {"cpu": "2", "memory": "2Gi"},
        },
        "securityContext": restricted_container(),
        "terminationMessagePath": TERMINATION_LOG,
        "volumeMounts": [*mounts, {"name": "scratch", "mountPath": _SCRATCH}],
    }


def scratch_volume() -> dict[str, Any]:
    """Return the volume of the only folder that the container may write besides its mounts."""
    return {"name": "scratch", "emptyDir": {"sizeLimit": _SCRATCH_SIZE}}


def _secret_variable(name: str, key: str) -> dict[str, Any]:
    # Not optional: a missing key once made a download run unauthenticated, and silently.
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": _CREDENTIAL_SECRET, "key": key}}}
