"""What stops a deploy: each error says which facts disagree, and the next command."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.errors import RejectedError

CLUSTER = "cluster"


class NotImportedError(RejectedError):
    """There is nothing to deploy."""

    def __init__(self, *, model: str, name: str) -> None:
        super().__init__(
            "model registry",
            f"{name} was never imported. Import it first: prefect deployment run import/{model} --watch",
        )


class HalfImportedError(RejectedError):
    """The registry and the store do not tell the same of a version."""

    def __init__(self, *, model: str, name: str, reason: str) -> None:
        super().__init__(
            "model registry",
            f"{name} cannot be deployed: {reason}. Import it again, which moves no byte that is in place: "
            f"prefect deployment run import/{model} --watch",
        )


class ArchivedError(RejectedError):
    """Somebody archived the version in the registry."""

    def __init__(self, *, name: str, url: str) -> None:
        super().__init__(
            "model registry",
            f"{name} is archived. Restore it in the registry, then deploy again: "
            f"""curl -X PATCH {url} -H 'Content-Type: application/json' -d '{{"state": "LIVE"}}'""",
        )


class MissingObjectError(RejectedError):
    """Something that pods need is not in the cluster."""

    def __init__(self, *, kind: str, name: str, namespace: str | None, lacks: Sequence[str] = ()) -> None:
        place = f"{namespace}/{name}" if namespace else name
        state = f"lacks {', '.join(lacks)}" if lacks else "does not exist"
        super().__init__(CLUSTER, f"{kind} {place} {state}. Apply the platform: python -m flows.apply_platform")


class NoStorageClassError(RejectedError):
    """Nothing would make the model's volume."""

    def __init__(self, *, wanted: str | None, known: Sequence[str]) -> None:
        what = f"storage class {wanted} does not exist" if wanted else "no storage class is the default"
        super().__init__(
            CLUSTER,
            f"{what}; there are {', '.join(known) or 'none'}. Name one: export SLIPWAY_STORAGE_CLASS=<name>, "
            "and see them: kubectl get storageclass",
        )


class NameTakenError(RejectedError):
    """An object of the name that we would use belongs to somebody else."""

    def __init__(self, *, kind: str, name: str, namespace: str, owner: str | None) -> None:
        whose = f"belongs to the model {owner}" if owner else "was not made by slipway"
        super().__init__(
            CLUSTER,
            f"{kind} {namespace}/{name} {whose}. Choose another name in deployments/models/, or remove it: "
            f"kubectl delete {kind.lower()} {name} -n {namespace}",
        )


class NoRoomError(RejectedError):
    """No node has the GPUs, or the quota is full."""

    def __init__(self, *, place: str, action: str) -> None:
        super().__init__(CLUSTER, f"{place}. {action}")


class VolumeHeldError(RejectedError):
    """A pod holds the volume where neither the fill nor the service could reach it."""

    def __init__(self, *, claim: str, namespace: str, pod: str, reason: str) -> None:
        super().__init__(
            CLUSTER,
            f"the volume {claim} is held by pod {pod}, {reason} (Multi-Attach). End that pod first: "
            f"kubectl delete pod {pod} -n {namespace}",
        )


class ClaimUnusableError(RejectedError):
    """The model's claim exists, and no pod could mount it."""

    def __init__(self, *, sentence: str, action: str) -> None:
        super().__init__(CLUSTER, f"{sentence}. {action}")


class NoFillReportError(RejectedError):
    """The fill Job succeeded, but nobody can say what is on the volume."""

    def __init__(self, *, job: str, message: str) -> None:
        super().__init__(
            CLUSTER,
            f"Job {job} succeeded, but left {message[:80]!r} instead of its result: SLIPWAY_FLOWS_IMAGE may be of "
            "another version. Set it to the image of this one, then deploy again: echo $SLIPWAY_FLOWS_IMAGE",
        )


class NoAddressError(RejectedError):
    """KServe calls a service ready and does not say where it is."""

    def __init__(self, *, service: str, namespace: str) -> None:
        super().__init__(
            CLUSTER,
            f"InferenceService {namespace}/{service} is ready, but its status has no URL. "
            f"Look at it: kubectl get isvc {service} -n {namespace} -o yaml",
        )


class ServedImageError(RejectedError):
    """What runs is not the image that was deployed."""

    def __init__(self, *, pod: str, namespace: str, wanted: str, found: str) -> None:
        super().__init__(
            CLUSTER,
            f"pod {pod} runs {found}, not {wanted}. See who changes images on their way: "
            f"kubectl get pod {pod} -n {namespace} -o yaml",
        )


class RecordError(RejectedError):
    """What stands in place of the record of what served cannot be read as one."""

    def __init__(self, *, key: str, reason: str) -> None:
        super().__init__(
            "object store", f"{key} is no record of ours ({reason}). Remove it: aws s3 rm s3://<bucket>/{key}"
        )
