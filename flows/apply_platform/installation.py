"""What is to be installed where: the rendered overlay with its inputs, and the Secrets that it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.trust import combined_authorities, own_authorities
from deployments.catalog import keys, load
from deployments.settings import settings
from flows.apply_platform.objects import Authorities, store_address, with_inputs, with_rotations, with_runtime
from flows.apply_platform.secret_plan import ROTATION, SecretChange, SecretPlan, plan_logins, plan_secrets
from flows.apply_platform.secret_table import LOGINS, MODELS, secret_specs
from flows.apply_platform.variables import PlatformVariables
from k8s.cluster.administration import Administrator
from k8s.kustomize import overlay_folder, render

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the administrator asks for.

    Attributes:
        overlay: `kubernetes`, `openshift`, or the folder of a kustomization of the site.
        dry_run: whether nothing is to be changed.
        force: whether fields of other managers are taken over.
        rotate: Secrets whose databases were told the new password already.
        seconds: how long each part may take to become ready.
    """

    overlay: str = "kubernetes"
    dry_run: bool = False
    force: bool = False
    rotate: Collection[str] = field(default_factory=tuple)
    seconds: float = 900.0


def platform_objects(overlay: str, *, given: PlatformVariables) -> list[Object]:
    """Render the overlay, fill in the site's inputs, add what all models share; no Secret is among them.

    Raises:
        ClusterError: it does not render.
        CatalogError, SettingsError: the catalog or a variable is wrong.
        CaBundleError: the file of certificate authorities cannot be used.
    """
    rendered = with_inputs(
        render(overlay_folder(overlay)),
        flows_image=given.slipway_flows_image,
        evaluation_image=given.slipway_evaluation_image,
        image_repository=given.image_repository(),
        authorities=_authorities(given.slipway_ca_bundle),
    )
    specs = [load(key) for key in keys()]
    return with_runtime(rendered, specs=specs, runtime_image=settings().runtime_base_image)


def planned_secrets(
    cluster: Administrator, objects: Collection[Object], *, given: PlatformVariables, rotate: Collection[str]
) -> SecretPlan:
    """Compare the Secrets that the cluster holds with what is wanted.

    Raises:
        ClusterError: the API refused, or cannot be reached.
        PlatformError: a file that a variable names cannot be used.
    """
    specs = secret_specs(store_address(objects))
    wanted = [(namespace, spec.name) for spec in specs for namespace in spec.namespaces] + [(MODELS, LOGINS)]
    held = _held(cluster, wanted)
    made, logins = plan_secrets(specs, given=given, held=held, rotate=rotate), plan_logins(given, held=held)
    return SecretPlan(
        changes=(*made.changes, *logins.changes), problems=(*given.unfit(), *made.problems, *logins.problems)
    )


def store_secrets(cluster: Administrator, changes: Collection[SecretChange]) -> None:
    """Write the Secrets that differ. Values travel in the body of a request, never in an argument or a log.

    Whoever wrote a value before, the administrator's variable counts now, so fields of other managers are taken over.
    """
    for change in changes:
        if change.action != "keep":
            cluster.apply(dict(change.manifest), force=True)


def noted(cluster: Administrator, objects: Collection[Object]) -> list[Object]:
    """Note on each pod template which values its Secrets have on the cluster now."""
    specs = secret_specs(store_address(objects))
    held = _held(cluster, [(namespace, spec.name) for spec in specs for namespace in spec.namespaces])
    words = {
        place: annotations[ROTATION]
        for place, secret in held.items()
        if ROTATION in (annotations := secret["metadata"].get("annotations") or {})
    }
    return with_rotations(objects, words)


def flows_image(objects: Collection[Object]) -> str:
    """Return the image of the Prefect server, which is the image of flow runs."""
    [server] = [
        each for each in objects if each["kind"] == "Deployment" and each["metadata"]["name"] == "prefect-server"
    ]
    return str(server["spec"]["template"]["spec"]["containers"][0]["image"])


def _authorities(file: Path | None) -> Authorities | None:
    if file is None:
        return None
    return Authorities(own=own_authorities(file).decode(), together=combined_authorities(file).decode())


def _held(cluster: Administrator, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    found = {place: cluster.get("v1", "Secret", place[1], namespace=place[0]) for place in places}
    return {place: secret for place, secret in found.items() if secret is not None}
