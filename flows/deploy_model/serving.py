"""What a ready service says of itself: where it is, what it runs, and how long it took to load: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.deploy_model.errors import NoAddressError, ServedImageError
from k8s.fields import condition
from k8s.status.engine import ENGINE_CONTAINER

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A service that is ready.

    Attributes:
        service: its name.
        namespace: its namespace.
        url: the address that KServe publishes.
        address: the address that pods of the cluster use; the same as `url` where KServe names no other.
        revision: Knative's revision, or the Deployment's where there is no Knative.
        image_id: the image that its engine runs, as the node reports it; empty if it does not.
        load_seconds: from the engine's start to the pod's readiness, in whole seconds as Kubernetes writes times down.
            None where it does not say.
        pods: its ready pods.
    """

    service: str
    namespace: str
    url: str
    address: str
    revision: str
    image_id: str
    load_seconds: float | None
    pods: tuple[Json, ...]


def read_serving(service: Json, pods: Sequence[Json]) -> Serving:
    """Read a ready InferenceService and its ready pods.

    Raises:
        NoAddressError: it does not say where it is.
    """
    metadata, status = service["metadata"], service.get("status", {})
    url = str(status.get("url") or "")
    address = str((status.get("address") or {}).get("url") or url)
    if not address:
        raise NoAddressError(service=metadata["name"], namespace=metadata["namespace"])
    predictor = (status.get("components") or {}).get("predictor") or {}
    revision = predictor.get("latestReadyRevision") or predictor.get("latestCreatedRevision")
    loads = [seconds for seconds in map(_load_seconds, pods) if seconds is not None]
    return Serving(
        service=metadata["name"],
        namespace=metadata["namespace"],
        url=url or address,
        address=address,
        revision=str(revision or f"generation-{metadata.get('generation', 0)}"),
        image_id=next((found for found in map(_image_id, pods) if found), ""),
        load_seconds=max(loads, default=None),
        pods=tuple(pods),
    )


def check_image(pods: Iterable[Json], *, wanted: str) -> None:
    """Compare the image that was deployed with those that run, by digest.

    A node that reports no digest is believed: some runtimes name only their own id of an image.

    Raises:
        ServedImageError: another one runs.
    """
    digest = wanted.rpartition("@")[2]
    for pod in pods:
        found = _image_id(pod)
        if "@" in found and found.rpartition("@")[2] != digest:
            metadata = pod["metadata"]
            raise ServedImageError(pod=metadata["name"], namespace=metadata["namespace"], wanted=wanted, found=found)


def _engine(pod: Json) -> Json:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return next((status for status in statuses if status.get("name") == ENGINE_CONTAINER), {})


def _image_id(pod: Json) -> str:
    return str(_engine(pod).get("imageID") or "")


def _load_seconds(pod: Json) -> float | None:
    started = (_engine(pod).get("state", {}).get("running") or {}).get("startedAt")
    ready = condition(pod, "Ready")
    if not started or ready is None or not ready.get("lastTransitionTime"):
        return None
    took = datetime.fromisoformat(ready["lastTransitionTime"]) - datetime.fromisoformat(started)
    return max(took.total_seconds(), 0.0)
