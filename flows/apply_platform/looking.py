"""Runs the preflight: the parts that others rest on first, the rest side by side, and never only the first problem."""

from __future__ import annotations

from typing import Any

from blocks.errors import BlockError
from deployments.catalog import keys, load
from deployments.errors import CatalogError, SettingsError
from flows.apply_platform.checks import Site, secret_findings, site_checks
from flows.apply_platform.errors import PlatformError
from flows.apply_platform.installation import Wish, planned_secrets, platform_objects
from flows.apply_platform.secret_plan import SecretPlan
from flows.apply_platform.variables import PlatformVariables
from flows.preflight import Check, Finding, run_checks
from k8s.cluster.administration import Administrator, administer
from k8s.errors import ClusterError

_ERRORS = (PlatformError, BlockError, ClusterError, CatalogError, SettingsError)

Object = dict[str, Any]


def look(wish: Wish, *, given: PlatformVariables) -> tuple[Finding, ...]:
    """Look at everything that an installation needs; nothing is changed.

    Args:
        wish: what the administrator asks for.
        given: the administrator's variables.
    """
    clusters: list[Administrator] = []
    objects: list[Object] = []
    plans: list[SecretPlan] = []

    def cluster_answers() -> str:
        cluster = administer()
        version = cluster.version()
        clusters.append(cluster)
        return f"Kubernetes {version} at {cluster.address}"

    def overlay_renders() -> str:
        objects.extend(platform_objects(wish.overlay, given=given))
        return f"{len(objects)} objects"

    def secrets_are_known() -> str:
        plans.append(planned_secrets(clusters[0], objects, given=given, rotate=wish.rotate))
        return _secrets_line(plans[0])

    first = [Check("cluster", cluster_answers), Check(f"overlay {wish.overlay}", overlay_renders)]
    findings = run_checks(first, errors=_ERRORS)
    if not clusters or not objects:
        # What the variables lack can be told without a cluster.
        return (*findings, *secret_findings(given.unfit()))
    specs = [load(key) for key in keys()]
    site = Site(cluster=clusters[0], objects=objects, specs=specs, force=wish.force)
    rest = run_checks([*site_checks(site), Check("secrets", secrets_are_known)], errors=_ERRORS)
    problems = secret_findings(plans[0].problems) if plans else []
    if problems:
        rest = tuple(each for each in rest if each.name != "secrets")
    return (*findings, *rest, *problems)


def _secrets_line(plan: SecretPlan) -> str:
    counts = {action: sum(each.action == action for each in plan.changes) for action in ("create", "update", "keep")}
    return ", ".join(f"{count} to {action}" for action, count in counts.items())
