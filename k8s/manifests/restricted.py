"""What a container must give up to run under Kubernetes' "restricted" Pod Security Standard: pure."""

from __future__ import annotations

from typing import Any


def restricted_container() -> dict[str, Any]:
    """Return a container's security context: no root, no capability, no write outside of its volumes.

    Everything stands on the container, because Knative refuses a pod's security context unless a feature flag is set.
    No uid is named: the image brings its own, and OpenShift assigns one of the namespace's range and refuses others.
    """
    return {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted_pod() -> dict[str, Any]:
    """Return the fields of the spec of a pod that never talks to Kubernetes and never starts twice."""
    return {"automountServiceAccountToken": False, "enableServiceLinks": False, "restartPolicy": "Never"}
