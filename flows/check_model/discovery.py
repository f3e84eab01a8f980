"""Finds what is to be tested: the service of a registered version, proved to serve just its bytes, and its hardware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from blocks.served_model import ServedModel
from deployments.settings import Settings
from deployments.spec import ModelSpec
from flows.check_model.errors import NotServingError, ServedWeightsError
from flows.check_model.measurement import Hardware, Treatment
from flows.check_model.record import Subject
from flows.deploy_model.release import find_release
from flows.deploy_model.serving import check_image, read_serving
from flows.import_model.manifest import DIGEST_ANNOTATION
from flows.runs import Run
from k8s.cluster import Cluster
from k8s.fields import SERVICE_LABEL, condition, container
from k8s.status.engine import ENGINE_CONTAINER

if TYPE_CHECKING:
    from blocks.object_store import StoreClient
    from blocks.registry import RegistryClient

CPU = "cpu"
_SERVICE = "serving.kserve.io/v1beta1", "InferenceService"
_GPU = "nvidia.com/gpu"
_PRODUCT = "nvidia.com/gpu.product"
_INSTANCE = "node.kubernetes.io/instance-type"

Json = Mapping[str, Any]


def discover(
    spec: ModelSpec,
    *,
    run: Run,
    limit: int | None,
    url: str | None,
    store: StoreClient,
    registry: RegistryClient,
    cluster: Cluster,
    environment: Settings,
) -> Subject:
    """Describe what a test is about to measure.

    Args:
        spec: the model.
        run: the flow run that measures.
        limit: questions of each task; None for all.
        url: where to ask the service; None for the address that the cluster publishes.
        store: where its bytes are.
        registry: where its version is.
        cluster: where it is served.
        environment: the namespace.

    Raises:
        BlockError: it was not imported, or what the systems say of it disagrees.
        NotServingError: it is not deployed, or not ready.
        ServedWeightsError: the service was deployed from another manifest than the registry's.
        ServedImageError: its pods run another image than it names.
    """
    release = find_release(spec, registry=registry, store=store)
    service, pods = _service(spec, cluster=cluster, namespace=environment.namespace)
    serving = read_serving(service, pods)
    wanted, found = release.manifest.digest(), _annotation(service)
    if found != wanted:
        raise ServedWeightsError(service=serving.service, model=spec.key, served=found, registered=wanted)
    model = service["spec"]["predictor"]["model"]
    image, address = str(model.get("image", "")), (url or serving.address).rstrip("/")
    check_image(pods, wanted=image)
    nodes = [cluster.get("v1", "Node", name) or {} for name in _node_names(pods)]
    return Subject(
        run=run.id,
        run_url=run.url,
        model=spec.key,
        registered_model=spec.registered_model,
        version=spec.version,
        commit=release.manifest.source.commit,
        # Two parts are enough to find the file, without the machine's own folders.
        replica="/".join(PurePath(spec.overlaid_by).parts[-3:]) if spec.overlaid_by else None,
        service=serving.service,
        namespace=serving.namespace,
        revision=serving.revision,
        url=address,
        image=image,
        engine=ServedModel(address).version(),
        hardware=hardware_of(pods, nodes=nodes),
        treatment=Treatment(
            manifest_sha256=wanted,
            image_digest=image.rpartition("@")[2],
            vllm_args=tuple(map(str, model.get("args", ()))),
        ),
        limit=limit,
        environment={
            "kubernetes": cluster.version(),
            "deployment_mode": spec.serving.deployment_mode,
            "instance_type": _label(nodes, _INSTANCE) or "unknown",
        },
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def hardware_of(pods: Sequence[Json], *, nodes: Sequence[Json]) -> Hardware:
    """Say what an engine computes on, from what its pods were given and from the labels of their nodes.

    Args:
        pods: the service's ready pods.
        nodes: the nodes that they are on.
    """
    declared = container(pods[0], ENGINE_CONTAINER).get("resources", {}) if pods else {}
    count = int(declared.get("limits", {}).get(_GPU, 0))
    return Hardware(product=(_label(nodes, _PRODUCT) or "unknown") if count else CPU, count=count)


def _service(spec: ModelSpec, *, cluster: Cluster, namespace: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    name = spec.serving.inference_service
    service = cluster.get(*_SERVICE, name, namespace=namespace)
    if service is None:
        raise NotServingError(service=name, namespace=namespace, model=spec.key, reason="is not deployed")
    if condition(service, "Ready") is None:
        raise NotServingError(service=name, namespace=namespace, model=spec.key, reason="is not ready")
    labels = f"{SERVICE_LABEL}={name}"
    pods = cluster.objects("v1", "Pod", namespace=namespace, labels=labels)
    ready = [pod for pod in pods if condition(pod, "Ready") is not None]
    if not ready:
        raise NotServingError(service=name, namespace=namespace, model=spec.key, reason="has no ready pod")
    return service, ready


def _annotation(service: Json) -> str:
    return str((service["metadata"].get("annotations") or {}).get(DIGEST_ANNOTATION, ""))


def _node_names(pods: Sequence[Json]) -> list[str]:
    return sorted({str(pod["spec"]["nodeName"]) for pod in pods if pod["spec"].get("nodeName")})


def _label(nodes: Sequence[Json], name: str) -> str:
    found = {str(node.get("metadata", {}).get("labels", {}).get(name, "")) for node in nodes}
    return ", ".join(sorted(label for label in found if label))
