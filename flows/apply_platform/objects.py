"""The platform's objects as they are applied: the rendered overlay, its inputs filled in, the ServingRuntime: pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.spec import ModelSpec
from flows.apply_platform.secret_plan import ROTATION
from k8s.manifests.flow_image import ALL_AUTHORITIES, AUTHORITIES, AUTHORITIES_MAP, ENVIRONMENT, OWN_AUTHORITIES
from k8s.manifests.kserve_storage import PLATFORM_STORE, S3Address
from k8s.render import shared_objects

PLACEHOLDER = "required-input"
"""The tag of images that have no default."""

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Authorities:
    """Certificate authorities as PEM.

    Attributes:
        own: the site's own.
        together: the public ones and the site's own.
    """

    own: str
    together: str


def label(thing: Mapping[str, Any]) -> str:
    """Say which object it is: `Deployment model-storage/minio`."""
    metadata = thing["metadata"]
    namespace = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{thing['kind']} {namespace}{metadata['name']}"


def with_inputs(
    objects: Iterable[Object],
    *,
    flows_image: str | None,
    evaluation_image: str | None,
    image_repository: str | None,
    authorities: Authorities | None = None,
) -> list[Object]:
    """Fill in what the site gave by variables; what its own kustomization says stays.

    Args:
        objects: the rendered overlay.
        flows_image: the image of server, worker and flow runs.
        evaluation_image: the image of the tools that test models.
        image_repository: where runtime images go.
        authorities: whom to trust besides the public authorities; None for nobody.
    """
    filled = copy.deepcopy(list(objects))
    for container in (each for thing in filled for each in _containers(thing)):
        if flows_image and str(container.get("image", "")).endswith(f":{PLACEHOLDER}"):
            container["image"] = flows_image
    defaults = {
        "SLIPWAY_FLOWS_IMAGE": flows_image,
        "SLIPWAY_EVALUATION_IMAGE": evaluation_image,
        "SLIPWAY_IMAGE_REPOSITORY": image_repository,
        "SLIPWAY_CA_BUNDLE": f"{AUTHORITIES}/{OWN_AUTHORITIES}" if authorities else None,
    }
    for thing in filled:
        if _is_config_map(thing, ENVIRONMENT):
            thing["data"] = {key: value for key, value in defaults.items() if value} | thing["data"]
    if authorities and not any(_is_config_map(thing, AUTHORITIES_MAP) for thing in filled):
        filled.append(_authorities_map(authorities, namespace=environment_namespace(filled)))
    return filled


def _authorities_map(authorities: Authorities, *, namespace: str) -> Object:
    metadata = {"name": AUTHORITIES_MAP, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "slipway"}}
    data = {OWN_AUTHORITIES: authorities.own, ALL_AUTHORITIES: authorities.together}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def with_runtime(objects: Sequence[Object], *, specs: Iterable[ModelSpec], runtime_image: str) -> list[Object]:
    """Add what all models share; an object that the overlay has too stays as it is there.

    Args:
        objects: the rendered overlay.
        specs: the catalog.
        runtime_image: the platform's vLLM image, by digest.
    """
    namespace = environment_namespace(objects)
    shared = shared_objects(specs, namespace=namespace, runtime_image=runtime_image, address=store_address(objects))
    known = {label(each) for each in objects}
    return [*objects, *(each for each in shared if label(each) not in known)]


def with_rotations(objects: Iterable[Object], rotations: Mapping[tuple[str, str], str]) -> list[Object]:
    """Note on each pod template which values its Secrets have, so that new values start new pods.

    Args:
        objects: the platform's objects.
        rotations: by namespace and name of a Secret the word that changes with its values; those without are left out.
    """
    noted = copy.deepcopy(list(objects))
    for thing in noted:
        namespace = thing["metadata"].get("namespace", "")
        names = {
            entry["valueFrom"]["secretKeyRef"]["name"]
            for container in _containers(thing)
            for entry in container.get("env", ())
            if "secretKeyRef" in (entry.get("valueFrom") or {})
        }
        words = [f"{name}={rotations[namespace, name]}" for name in sorted(names) if (namespace, name) in rotations]
        if words:
            template = thing["spec"]["template"]["metadata"]
            template["annotations"] = {**(template.get("annotations") or {}), ROTATION: " ".join(words)}
    return noted


def store_address(objects: Iterable[Object]) -> S3Address:
    """Return where the object store is, as the flow runs' ConfigMap says, and who vouches for it if nobody public."""
    objects = list(objects)
    data = environment_of(objects)
    endpoint = data.get("AWS_ENDPOINT_URL", PLATFORM_STORE)
    vouched = endpoint.startswith("https:") and any(_is_config_map(thing, AUTHORITIES_MAP) for thing in objects)
    return S3Address(
        endpoint=endpoint,
        region=data.get("AWS_DEFAULT_REGION", "us-east-1"),
        ca_config_map=AUTHORITIES_MAP if vouched else None,
    )


def environment_of(objects: Iterable[Object]) -> Mapping[str, str]:
    """Return the variables of flow runs; none if there is no such ConfigMap."""
    maps = (each for each in objects if _is_config_map(each, ENVIRONMENT))
    return dict(next((each.get("data") or {} for each in maps), {}))


def environment_namespace(objects: Iterable[Object]) -> str:
    """Return where models are served and flows run."""
    return environment_of(objects).get("SLIPWAY_NAMESPACE", "private-ai-demo")


def placeholders(objects: Iterable[Object]) -> dict[str, list[str]]:
    """Return each image that is still a placeholder, and which objects use it."""
    found: dict[str, list[str]] = {}
    for thing in objects:
        for container in _containers(thing):
            if str(container.get("image", "")).endswith(f":{PLACEHOLDER}"):
                found.setdefault(container["image"], []).append(label(thing))
    return found


def claims_without_class(objects: Iterable[Object]) -> list[str]:
    """Return the claims that get the cluster's default storage class."""
    claims = (each for each in objects if each["kind"] == "PersistentVolumeClaim")
    return [each["metadata"]["name"] for each in claims if not each["spec"].get("storageClassName")]


def _is_config_map(thing: Mapping[str, Any], name: str) -> bool:
    return bool(thing["kind"] == "ConfigMap" and thing["metadata"]["name"] == name)


def _containers(thing: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if thing["kind"] not in {"Deployment", "StatefulSet", "DaemonSet", "Job"}:
        return
    pod = thing["spec"]["template"]["spec"]
    yield from (*pod.get("initContainers", ()), *pod["containers"])
