"""The Buildah Job that builds and pushes the runtime image without a privileged pod: pure.

It is the one exception to "no container runs as root", for which it has a service account of its own. Buildah makes a
user namespace for itself, and needs to be root with exactly three capabilities to map ids into it; an attempt without
them died on `uid_map`, one with `privileged: true` was given far too much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from k8s.errors import ContextTooLargeError
from k8s.manifests.placement import away_from_gpus
from k8s.manifests.runtime_image import RuntimeInputs, runtime_tag

SERVICE_ACCOUNT = "runtime-builder"
CAPABILITIES = ("SETFCAP", "SETGID", "SETUID")
"""Measured: with any of the three absent Buildah fails, with no other present it builds."""

_CONTEXT = "/slipway/context"
_SCRATCH = "/slipway/scratch"
_CREDENTIALS = "/slipway/credentials"
_TERMINATION_LOG = "/dev/termination-log"
_CONFIG_MAP_BYTES = 1024 * 1024
_GRACE_SECONDS = 60
_KEEP_SECONDS = 24 * 3600

Manifest = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class BuildSpec:
    """One build of the runtime image.

    Attributes:
        inputs: what goes into the image.
        destination: where it goes, with its tag: `docker://host/org/name:tag` or `oci:/dir:tag`.
        builder_image: an image with Buildah and /bin/sh.
        namespace: where the Job runs.
        credential_secret: a Secret of type kubernetes.io/dockerconfigjson that covers the base's registry and the
            destination's.
        timeout_seconds: the build's time, its wait for a node included.
        scratch_gib: disk for the unpacked base and the image. Builds on the CUDA base took 59-64 GB, and where 14 were
            free they were evicted again and again; a node without as much is now not chosen.
    """

    inputs: RuntimeInputs
    destination: str
    builder_image: str
    namespace: str
    credential_secret: str = "quay-credentials"  # noqa: S105 - the name of a Secret
    timeout_seconds: int = 7200
    scratch_gib: int = 80


def build_name(spec: BuildSpec) -> str:
    """Return the name of the Job and of its ConfigMap; equal inputs have equal names."""
    return f"build-runtime-{runtime_tag(spec.inputs)[:12]}"


def build_context(spec: BuildSpec) -> Manifest:
    """Return the ConfigMap that holds the Job's Containerfile, script and CA bundle.

    Raises:
        ContextTooLargeError: it would be larger than Kubernetes allows.
    """
    data = {
        "Containerfile": spec.inputs.containerfile,
        "build.sh": spec.inputs.build_script,
        "ca-bundle.pem": spec.inputs.ca_bundle,
    }
    size = sum(len(text.encode()) for text in data.values())
    if size > _CONFIG_MAP_BYTES:
        raise ContextTooLargeError(size=size, limit=_CONFIG_MAP_BYTES)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(spec), "data": data}


def build_job(spec: BuildSpec) -> Manifest:
    """Return the Job.

    The time limit in the manifest is the net under the caller's own, which comes a minute earlier and can still read
    the log: Kubernetes deletes the pod of a Job that exceeds its deadline.
    """
    metadata = _metadata(spec)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": spec.timeout_seconds + _GRACE_SECONDS,
            "ttlSecondsAfterFinished": _KEEP_SECONDS,
            "template": {
                "metadata": {"labels": metadata["labels"]},
                "spec": {
                    **away_from_gpus(),
                    "serviceAccountName": SERVICE_ACCOUNT,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "restartPolicy": "Never",
                    "containers": [_container(spec)],
                    "volumes": _volumes(spec),
                },
            },
        },
    }


def _metadata(spec: BuildSpec) -> Manifest:
    return {
        "name": build_name(spec),
        "namespace": spec.namespace,
        "labels": {
            "app.kubernetes.io/name": "build-runtime",
            "app.kubernetes.io/instance": runtime_tag(spec.inputs),
            "app.kubernetes.io/component": "image-build",
            "app.kubernetes.io/part-of": "slipway",
            "app.kubernetes.io/managed-by": "slipway",
        },
    }


def _container(spec: BuildSpec) -> Manifest:
    disk = f"{spec.scratch_gib}Gi"
    return {
        "name": "buildah",
        "image": spec.builder_image,
        "command": ["/bin/sh"],
        "args": [f"{_CONTEXT}/build.sh"],
        "env": [
            {"name": name, "value": value}
            for name, value in {
                "BASE_IMAGE": spec.inputs.base_image,
                "DESTINATION": spec.destination,
                "IMAGE_TITLE": spec.inputs.title,
                "INPUTS_TAG": runtime_tag(spec.inputs),
                "CONTEXT_DIR": _CONTEXT,
                "SCRATCH_DIR": _SCRATCH,
                "TERMINATION_LOG": _TERMINATION_LOG,
                "REGISTRY_AUTH_FILE": f"{_CREDENTIALS}/auth.json",
            }.items()
        ],
        "resources": {
            "requests": {"cpu": "1", "memory": "2Gi", "ephemeral-storage": disk},
            "limits": {"cpu": "4", "memory": "8Gi", "ephemeral-storage": disk},
        },
        "securityContext": {
            "runAsUser": 0,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": list(CAPABILITIES)},
        },
        "terminationMessagePath": _TERMINATION_LOG,
        "volumeMounts": [
            {"name": "context", "mountPath": _CONTEXT, "readOnly": True},
            {"name": "scratch", "mountPath": _SCRATCH},
            {"name": "credentials", "mountPath": _CREDENTIALS, "readOnly": True},
        ],
    }


def _volumes(spec: BuildSpec) -> list[Manifest]:
    return [
        {"name": "context", "configMap": {"name": build_name(spec)}},
        {"name": "scratch", "emptyDir": {"sizeLimit": f"{spec.scratch_gib}Gi"}},
        {
            "name": "credentials",
            "secret": {
                "secretName": spec.credential_secret,
                "items": [{"key": ".dockerconfigjson", "path": "auth.json"}],
            },
        },
    ]
