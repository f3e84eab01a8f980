"""Namespaces for tests, and manifests of the small Jobs that tests run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from k8s.cluster import Cluster

Json = dict[str, Any]
_USER = 1001


@contextmanager
def new_namespace(cluster: Cluster) -> Iterator[str]:
    """Make a namespace, and delete it with all that it holds."""
    name = f"slipway-test-{secrets.token_hex(4)}"
    about: Json = {"name": name, "labels": {"app.kubernetes.io/part-of": "slipway-tests"}}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": about})
    try:
        yield name
    finally:
        cluster.delete("v1", "Namespace", name)


def shell_job(name: str, script: str, *, image: str, namespace: str, **container: object) -> Json:
    """Return a Job that runs a shell script under the restricted security context.

    Args:
        name: its name.
        script: what /bin/sh runs; TERMINATION_LOG names the file for its last word.
        image: with /bin/sh.
        namespace: where.
        **container: more fields of the container.
    """
    main = {
        "name": "main",
        "image": image,
        "command": ["/bin/sh", "-c", script],
        "env": [{"name": "TERMINATION_LOG", "value": "/dev/termination-log"}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        **container,
    }
    pod: Json = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,  # a shell is process 1 and hears no SIGTERM
        "securityContext": {"runAsNonRoot": True, "runAsUser": _USER, "runAsGroup": 0},
        "containers": [main],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": 600, "template": {"spec": pod}},
    }


def pod_spec(job: Json) -> Json:
    """Return the pod's part of a Job, to be changed."""
    spec: Json = job["spec"]["template"]["spec"]
    return spec
