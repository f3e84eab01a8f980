"""What a deploy asks of a model's volume before it changes anything: its class, its state, and who holds it."""

from __future__ import annotations

from deployments.settings import Settings
from deployments.spec import ClaimStorage, ModelSpec
from flows.deploy_model.cluster_checks import require_keys
from flows.deploy_model.errors import ClaimUnusableError, MissingObjectError, NameTakenError, NoStorageClassError
from flows.deploy_model.mounts import FillPlace, fill_place, mounts_of
from flows.deploy_model.standing import owner_of
from flows.preflight import Check
from k8s.cluster import Cluster
from k8s.diagnosis import Category
from k8s.fields import is_going
from k8s.manifests.fill_job import SERVICE_ACCOUNT
from k8s.manifests.flow_image import ENVIRONMENT
from k8s.status import diagnose_claim

_STORE_SECRET = "minio-credentials"  # noqa: S105 - the name of a Secret
_STORE_KEYS = ("accesskey", "secretkey")
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def checks(spec: ModelSpec, storage: ClaimStorage, *, cluster: Cluster, environment: Settings) -> list[Check]:
    """List what must hold for a model that is served from a volume."""
    namespace = environment.namespace

    def volume_is_usable() -> str:
        return _volume(spec, storage, cluster=cluster, environment=environment)

    def job_can_run() -> str:
        image = environment.flows_image
        for kind, name in (("ServiceAccount", SERVICE_ACCOUNT), ("ConfigMap", ENVIRONMENT)):
            if cluster.get("v1", kind, name, namespace=namespace) is None:
                raise MissingObjectError(kind=kind, name=name, namespace=namespace)
        require_keys(cluster, _STORE_SECRET, _STORE_KEYS, namespace=namespace)
        return f"the fill Job can run {image}"

    return [Check("volume", volume_is_usable), Check("fill Job", job_can_run)]


def place_of_fill(spec: ModelSpec, storage: ClaimStorage, *, cluster: Cluster, namespace: str) -> FillPlace:
    """Say where the volume can be filled now, and what must be left alone.

    Raises:
        VolumeHeldError: a pod holds it where the fill could not reach it.
    """
    mounts = mounts_of(cluster.objects("v1", "Pod", namespace=namespace), claim=storage.claim)
    return fill_place(
        storage,
        mounts,
        target=spec.version,
        nodes=cluster.objects("v1", "Node") if mounts else (),
        node_selector=spec.serving.node_selector,
        namespace=namespace,
    )


def _volume(spec: ModelSpec, storage: ClaimStorage, *, cluster: Cluster, environment: Settings) -> str:
    namespace = environment.namespace
    claim = cluster.get("v1", "PersistentVolumeClaim", storage.claim, namespace=namespace)
    if claim is None:
        made_by = _storage_class(cluster, wanted=environment.storage_class)
        return f"{storage.claim} will be made, {storage.size}, by {made_by}"
    if owner_of(claim) != spec.key:
        raise NameTakenError(
            kind="PersistentVolumeClaim", name=storage.claim, namespace=namespace, owner=owner_of(claim)
        )
    if is_going(claim):
        raise ClaimUnusableError(
            sentence=f"claim {storage.claim} is being deleted",
            action=f"Wait until it is gone, or see what holds it: kubectl describe pvc {storage.claim} -n {namespace}",
        )
    standing = diagnose_claim(claim, events=())
    if standing.category is Category.CLAIM_LOST:
        raise ClaimUnusableError(sentence=standing.sentence, action=standing.next_action)
    place = place_of_fill(spec, storage, cluster=cluster, namespace=namespace)
    return f"{standing.sentence}; " + (f"pods read {', '.join(place.in_use)}" if place.in_use else "nobody holds it")


def _storage_class(cluster: Cluster, *, wanted: str | None) -> str:
    classes = {
        found["metadata"]["name"]: (found["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
        for found in cluster.objects("storage.k8s.io/v1", "StorageClass")
    }
    if wanted is None and not classes:
        return "hand: the cluster has no storage classes"
    name = wanted if wanted in classes else next((name for name, default in classes.items() if default), None)
    if name is None or (wanted is not None and wanted not in classes):
        raise NoStorageClassError(wanted=wanted, known=sorted(classes))
    return f"storage class {name}"
