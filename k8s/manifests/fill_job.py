"""The Job that fills a model's volume with a version, from S3: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployments.spec import ModelSpec
from k8s.manifests.flow_image import flow_container, flow_volumes
from k8s.manifests.labels import model_labels
from k8s.manifests.restricted import restricted_pod
from k8s.manifests.volume import claim_of

SERVICE_ACCOUNT = "slipway-jobs"
"""The account of Jobs that talk to S3 and never to Kubernetes; it has no rights."""
VOLUME = "/slipway/volume"

_NAME_LENGTH = 63
_GRACE_SECONDS = 60
_KEEP_SECONDS = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class FillInputs:
    """What the spec does not know of a fill.

    Attributes:
        namespace: where the model is served; a volume can be mounted only there.
        bucket: the bucket of the weights.
        image: the image of flow runs.
        module: the Python module in it that does the work. It is called with `--bucket`, `--prefix`, `--volume`,
            `--folder` and `--manifest-sha256`, and with a `--keep` and an `--in-use` for each folder of the two.
        manifest_sha256: SHA-256 of the version's manifest.json.
        timeout_seconds: the Job's time, its wait for a node and the volume included. 47 GB took up to 70 minutes.
        fs_group: the group that the volume is given to. Needed where a new volume belongs to root, as on most
            clusters; OpenShift assigns one and refuses others, so leave it None there.
        keep: folders of the volume that stay, for the way back.
        in_use: folders of the volume that pods read from.
        hostname: the label `kubernetes.io/hostname` of the node that mounts the volume already. A volume for one node
            could not be attached to another, and the Job would wait for ever.
    """

    namespace: str
    bucket: str
    image: str
    module: str
    manifest_sha256: str
    timeout_seconds: int = 7200
    fs_group: int | None = None
    keep: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ()
    hostname: str | None = None


def fill_name(spec: ModelSpec, inputs: FillInputs) -> str:
    """Return the Job's name; equal bytes have equal names."""
    digest = inputs.manifest_sha256[:12]
    service = spec.serving.inference_service[: _NAME_LENGTH - len(f"fill--{digest}")].rstrip("-")
    return f"fill-{service}-{digest}"


def fill_job(spec: ModelSpec, inputs: FillInputs) -> dict[str, Any]:
    """Return the Job.

    It asks for the node that the model is served from. A volume that is made for its first pod is made in that pod's
    zone: filled elsewhere, it could never be mounted beside the GPUs. It asks for no GPU.

    Args:
        spec: a model that is served from a volume.
        inputs: what the spec does not know.

    Raises:
        NoVolumeError: the model is served from S3.
    """
    claim = claim_of(spec).claim
    labels = model_labels(spec, name="fill-volume", component="storage")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": fill_name(spec, inputs), "namespace": inputs.namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            # A minute after the caller's own limit, which can still read the log: Kubernetes deletes a late Job's pod.
            "activeDeadlineSeconds": inputs.timeout_seconds + _GRACE_SECONDS,
            "ttlSecondsAfterFinished": _KEEP_SECONDS,
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {
                    **restricted_pod(),
                    **_group(inputs.fs_group),
                    "serviceAccountName": SERVICE_ACCOUNT,
                    "nodeSelector": {**spec.serving.node_selector, **_host(inputs.hostname)},
                    "tolerations": [each.model_dump(exclude_none=True) for each in spec.serving.tolerations],
                    "containers": [_container(spec, inputs)],
                    "volumes": [
                        {"name": "weights", "persistentVolumeClaim": {"claimName": claim}},
                        *flow_volumes(),
                    ],
                },
            },
        },
    }


def _container(spec: ModelSpec, inputs: FillInputs) -> dict[str, Any]:
    arguments = [
        f"--bucket={inputs.bucket}",
        f"--prefix={spec.prefix}",
        f"--volume={VOLUME}",
        f"--folder={spec.version}",
        f"--manifest-sha256={inputs.manifest_sha256}",
        *(f"--keep={folder}" for folder in inputs.keep),
        *(f"--in-use={folder}" for folder in inputs.in_use),
    ]
    return flow_container(
        name="fill",
        image=inputs.image,
        module=inputs.module,
        arguments=arguments,
        mounts=[{"name": "weights", "mountPath": VOLUME}],
    )


def _host(hostname: str | None) -> dict[str, str]:
    return {} if hostname is None else {"kubernetes.io/hostname": hostname}


def _group(fs_group: int | None) -> dict[str, Any]:
    if fs_group is None:
        return {}
    # Changing the owner of every file of a filled volume takes minutes; its root is enough.
    return {"securityContext": {"fsGroup": fs_group, "fsGroupChangePolicy": "OnRootMismatch"}}
