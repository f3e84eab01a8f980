"""What a deploy asks of the cluster before it changes anything: rights, KServe, credentials, names and GPUs."""

from __future__ import annotations

from collections.abc import Iterable

from deployments.settings import Settings
from deployments.spec import ClaimStorage, ModelSpec
from flows.deploy_model.errors import MissingObjectError, NameTakenError, NoRoomError
from flows.deploy_model.standing import owner_of
from flows.import_model.errors import MissingRightsError
from flows.preflight import Check
from k8s.cluster import JOB_RIGHTS, READY_RIGHTS, Cluster, Right
from k8s.errors import ForbiddenError
from k8s.fields import SERVICE_LABEL
from k8s.gpus import GpuInventory, gpu_inventory
from k8s.manifests import monitoring
from k8s.manifests.kserve_storage import SECRET, SECRET_KEYS, SERVICE_ACCOUNT
from k8s.manifests.labels import MODEL_LABEL
from k8s.manifests.serving_runtime import RUNTIME
from k8s.placement import Demand, placement
from k8s.status.scheduling import placement_action

KSERVE = "serving.kserve.io"
SERVICE_API = f"{KSERVE}/v1beta1"
RUNTIME_API = f"{KSERVE}/v1alpha1"
SERVICE_KIND = "InferenceService"

_SERVICE_RIGHTS = (*READY_RIGHTS, *(Right(verb, "inferenceservices", KSERVE) for verb in ("create", "patch")))
_VOLUME_RIGHTS = (
    *JOB_RIGHTS,
    *(Right(verb, "persistentvolumeclaims") for verb in ("get", "create", "patch")),
)
_MONITOR_RIGHTS = tuple(Right(verb, "podmonitors", monitoring.GROUP) for verb in ("create", "patch"))
_KEYS_USED = frozenset(SECRET_KEYS[:2])
"""What KServe reads of the Secret's values; the endpoint it reads from annotations."""


def rights(spec: ModelSpec, *, cluster: Cluster, environment: Settings) -> str:
    """Say that we may do what a deploy does.

    Raises:
        MissingRightsError: naming all that we may not.
    """
    wanted = (
        *_SERVICE_RIGHTS,
        *(_VOLUME_RIGHTS if isinstance(spec.storage, ClaimStorage) else ()),
        *(_MONITOR_RIGHTS if cluster.serves(monitoring.API, monitoring.KIND) else ()),
    )
    missing = cluster.missing_rights(dict.fromkeys(wanted), namespace=environment.namespace)
    if missing:
        raise MissingRightsError(rights=[str(right) for right in missing], namespace=environment.namespace)
    return f"Kubernetes {cluster.version()}, models may be deployed in {environment.namespace}"


def checks(spec: ModelSpec, *, cluster: Cluster, environment: Settings) -> list[Check]:
    """List what must hold of a cluster that answers, whatever is deployed; its GPUs are asked for by `room`."""
    namespace, service = environment.namespace, spec.serving.inference_service

    def kserve_is_there() -> str:
        if cluster.get(RUNTIME_API, "ServingRuntime", RUNTIME, namespace=namespace) is None:
            raise MissingObjectError(kind="ServingRuntime", name=RUNTIME, namespace=namespace)
        return f"InferenceServices are served, ServingRuntime {RUNTIME} is in {namespace}"

    def account_is_there() -> str:
        if cluster.get("v1", "ServiceAccount", SERVICE_ACCOUNT, namespace=namespace) is None:
            raise MissingObjectError(kind="ServiceAccount", name=SERVICE_ACCOUNT, namespace=namespace)
        require_keys(cluster, SECRET, _KEYS_USED, namespace=namespace)
        return f"ServiceAccount {SERVICE_ACCOUNT} and Secret {SECRET} are in {namespace}"

    def name_is_ours() -> str:
        live = cluster.get(SERVICE_API, SERVICE_KIND, service, namespace=namespace)
        if live is None:
            return f"{service} is new in {namespace}"
        refuse_other_owner(live, spec=spec)
        return f"{service} is there and will be changed if it differs"

    return [
        Check("KServe", kserve_is_there),
        Check("credentials", account_is_there),
        Check("service", name_is_ours),
    ]


def refuse_other_owner(live: dict[str, object], *, spec: ModelSpec) -> None:
    """Refuse to touch an object that belongs to another model, or to somebody else.

    Raises:
        NameTakenError: it does.
    """
    owner = owner_of(live)
    if owner != spec.key:
        metadata = live["metadata"]
        assert isinstance(metadata, dict)  # noqa: S101 - the API's own shape, for the type checker
        raise NameTakenError(
            kind=str(live["kind"]), name=metadata["name"], namespace=metadata["namespace"], owner=owner
        )


def require_keys(cluster: Cluster, name: str, keys: Iterable[str], *, namespace: str) -> None:
    """Prove that a Secret has its keys; values are never looked at.

    Raises:
        MissingObjectError: it does not, or is not there.
    """
    found = cluster.secret_keys(name, namespace=namespace)
    lacks = sorted(set(keys) - found[1]) if found else []
    if found is None or lacks:
        raise MissingObjectError(kind="Secret", name=name, namespace=namespace, lacks=lacks)


def room(spec: ModelSpec, *, cluster: Cluster, environment: Settings) -> str:
    """Say where a model's GPUs are free.

    Raises:
        NoRoomError: nowhere, and no node is expected to be added.
    """
    serving = spec.serving
    demand = Demand(
        gpus=serving.gpus.count,
        node_selector=serving.node_selector,
        tolerations=[each.model_dump(exclude_none=True) for each in serving.tolerations],
    )
    place = placement(demand, _gpus(spec, cluster=cluster, namespace=environment.namespace))
    waits_for_node = environment.nodes_scale and not place.quota_full
    if place.fits:
        return f"{place.sentence}: {', '.join(place.free)}"
    if waits_for_node:
        return f"{place.sentence}; a node is expected to be added"
    model = {"metadata": {"namespace": environment.namespace, "labels": {MODEL_LABEL: spec.key}}}
    action = placement_action(place, demand, about=model)
    own = f"{environment.namespace}/{serving.inference_service}-predictor-"
    if not serving.frees_first and any(pod.startswith(own) for node in place.taken for pod in node.holders):
        action = (
            "What serves now goes only when the new one is ready: Serverless and RollingUpdate need the GPUs twice. "
            f"Take it down first: prefect deployment run remove/{spec.key} --watch"
        )
    raise NoRoomError(place=place.sentence, action=action)


def _gpus(spec: ModelSpec, *, cluster: Cluster, namespace: str) -> GpuInventory:
    """Count GPUs as they are when the service's present pods are gone, where its strategy takes them down first."""
    service = spec.serving.inference_service
    replaced = service if spec.serving.frees_first else None
    try:
        return cluster.gpus(namespace=namespace, replacing=replaced)
    except ForbiddenError:
        # The flows' account sees no pods of other namespaces: what those hold shows later, as an unscheduled pod.
        return gpu_inventory(
            cluster.objects("v1", "Node"),
            cluster.objects("v1", "Pod", namespace=namespace),
            cluster.objects("v1", "ResourceQuota", namespace=namespace),
            leaving=lambda pod: (pod["metadata"].get("labels") or {}).get(SERVICE_LABEL) == replaced is not None,
        )
