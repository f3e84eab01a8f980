"""What an installation needs before anything is changed: every check runs, and all problems are told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from deployments.spec import ModelSpec
from flows.apply_platform.applying import plan_changes
from flows.apply_platform.errors import (
    MissingKindsError,
    NoRepositoryError,
    NoStorageClassError,
    NotAdministratorError,
    RequiredInputError,
)
from flows.apply_platform.installation import noted
from flows.apply_platform.objects import claims_without_class, environment_namespace, environment_of, placeholders
from flows.preflight import Check, Finding
from k8s.cluster.administration import Administrator
from k8s.errors import ResourceNotFoundError
from k8s.gpus import PRODUCT, GpuInventory
from k8s.placement import Demand, placement

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_NEEDED_LATER = (("serving.kserve.io/v1beta1", "InferenceService"),)
"""Kinds that the platform's own objects do not have, and deployments do."""

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Site:
    """What is looked at.

    Attributes:
        cluster: where to install.
        objects: what to install.
        specs: the catalog.
        force: whether fields of other managers are taken over.
    """

    cluster: Administrator
    objects: Sequence[Object]
    specs: Sequence[ModelSpec]
    force: bool


def site_checks(site: Site) -> list[Check]:
    """List what must hold before an object is applied; each check says in one line what it found."""
    checks: list[tuple[str, Callable[[Site], str]]] = [
        ("administrator", _may_apply),
        ("kinds", _kinds_are_served),
        ("storage class", _claims_get_volumes),
        ("images", _images_are_named),
        ("image repository", _repository_is_named),
        ("dry run", _api_takes_all),
    ]
    named = [Check(name, partial(check, site)) for name, check in checks]
    return [*named, *(Check(f"node for {spec.key}", partial(_node_is_there, site, spec)) for spec in site.specs)]


def secret_findings(problems: Iterable[str]) -> list[Finding]:
    """Lay out what is wrong with the secrets, a row each."""
    return [Finding("secrets", ok=False, detail=problem) for problem in problems]


def _may_apply(site: Site) -> str:
    missing = site.cluster.missing_to_apply(site.objects)
    if missing:
        raise NotAdministratorError(rights=missing)
    return "this kubeconfig may apply everything"


def _kinds_are_served(site: Site) -> str:
    wanted = {(each["apiVersion"], each["kind"]) for each in site.objects} | set(_NEEDED_LATER)
    missing = [f"{kind} ({version})" for version, kind in sorted(wanted) if not site.cluster.serves(version, kind)]
    if missing:
        raise MissingKindsError(kinds=missing)
    return f"{len(wanted)} kinds are known, KServe's among them"


def _claims_get_volumes(site: Site) -> str:
    claims = claims_without_class(site.objects)
    classes = site.cluster.objects("storage.k8s.io/v1", "StorageClass")
    names = [each["metadata"]["name"] for each in classes]
    default = [
        each["metadata"]["name"]
        for each in classes
        if (each["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    ]
    if claims and not default:
        raise NoStorageClassError(claims=claims, known=names)
    return f"{default[0]} is the default" if default else "every claim names its class"


def _images_are_named(site: Site) -> str:
    for image, users in placeholders(site.objects).items():
        raise RequiredInputError(image=image, users=users)
    return "every image is named"


def _repository_is_named(site: Site) -> str:
    found = environment_of(site.objects).get("SLIPWAY_IMAGE_REPOSITORY")
    if not found:
        raise NoRepositoryError
    return f"runtime images go to {found}"


def _api_takes_all(site: Site) -> str:
    known = [each for each in site.objects if site.cluster.serves(each["apiVersion"], each["kind"])]
    changes = plan_changes(site.cluster, noted(site.cluster, known), force=site.force)
    differing = sum(each.action != "keep" for each in changes)
    return f"{differing} of {len(changes)} objects are to be applied"


def _node_is_there(site: Site, spec: ModelSpec) -> str:
    """Never a problem: nodes come and go with an autoscaler, and a deployment's own preflight looks again."""
    serving = spec.serving
    tolerations = tuple(each.model_dump(exclude_none=True) for each in serving.tolerations)
    demand = Demand(gpus=serving.gpus.count, node_selector=serving.node_selector, tolerations=tolerations)
    try:
        inventory = site.cluster.gpus(namespace=environment_namespace(site.objects))
    except ResourceNotFoundError:  # the namespace, on the first installation
        inventory = site.cluster.gpus(namespace="default")
    found = placement(demand, GpuInventory(nodes=inventory.nodes))
    if found.free or found.taken:
        return found.sentence
    labelled = any(PRODUCT in node.labels for node in inventory.nodes)
    hint = "" if labelled or not serving.gpus.count else "; no node has the GPU operator's labels"
    return f"warning: {found.sentence}{hint}. It can be installed, not deployed"
