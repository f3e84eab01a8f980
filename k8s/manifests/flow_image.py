"""A container of the flow image that runs one of our modules with access to S3 and to nothing else: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from k8s.manifests.restricted import restricted_container

ENVIRONMENT = "slipway-environment"
"""The ConfigMap with the addresses that flow runs read too."""
TERMINATION_LOG = "/dev/termination-log"
AUTHORITIES_MAP = "slipway-ca"
"""The ConfigMap with certificate authorities that the public ones do not vouch for; there is none without such."""
AUTHORITIES = "/slipway/ca"
"""Where pods have that ConfigMap; SLIPWAY_CA_BUNDLE names a file there."""
OWN_AUTHORITIES = "ca.crt"
"""Its key with those authorities alone, to be trusted besides the public ones."""
ALL_AUTHORITIES = "cabundle.crt"
"""Its key with the public ones too. KServe wants this name, and trusts nobody else than this file says."""

_SCRATCH = "/scratch"
_SCRATCH_SIZE = "1Gi"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"}
_CREDENTIAL_SECRET = "minio-credentials"  # noqa: S105 - the name of a Secret


def flow_container(
    *, name: str, image: str, module: str, arguments: Sequence[str], mounts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the container; its pod needs `flow_volumes`.

    The module may write a result to the file that the variable TERMINATION_LOG names; a flow reads it from the pod's
    status.

    Args:
        name: the container's name.
        image: the image of flow runs.
        module: the module that `python -m` runs.
        arguments: its arguments; every path that it needs is among them.
        mounts: volume mounts besides those of `flow_volumes`.
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
        "volumeMounts": [
            *mounts,
            {"name": "scratch", "mountPath": _SCRATCH},
            {"name": "authorities", "mountPath": AUTHORITIES, "readOnly": True},
        ],
    }


def flow_volumes() -> list[dict[str, Any]]:
    """Return the volumes of the container: the only folder that it may write besides its mounts, and whom it trusts."""
    return [
        {"name": "scratch", "emptyDir": {"sizeLimit": _SCRATCH_SIZE}},
        {"name": "authorities", "configMap": {"name": AUTHORITIES_MAP, "optional": True}},
    ]


def _secret_variable(name: str, key: str) -> dict[str, Any]:
    # Not optional: a missing key once made a download run unauthenticated, and silently.
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": _CREDENTIAL_SECRET, "key": key}}}
