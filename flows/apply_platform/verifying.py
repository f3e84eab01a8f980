"""Proves that the platform does what it is for: rights asked of the API, the rest tried from inside the cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flows.apply_platform.findings import read_findings
from flows.apply_platform.objects import environment_namespace
from flows.apply_platform.rights import FORBIDDEN, STRANGER, AccountRights, promised_rights
from flows.preflight import Finding
from k8s.cluster import JobWatch, Right
from k8s.cluster.administration import Administrator
from k8s.errors import ClusterError
from k8s.manifests.platform_job import platform_job

INSIDE = "flows.apply_platform.inside"

Object = dict[str, Any]


def verify_inside(
    cluster: Administrator, objects: Sequence[Object], *, image: str, seconds: float, say: Callable[[str], None]
) -> tuple[Finding, ...]:
    """Run the check Job, whose pod stands where flow runs stand, and return what it found.

    Args:
        cluster: where.
        objects: the platform's objects.
        image: the image of flow runs.
        seconds: for the Job, its image pull included.
        say: told what happens.
    """
    namespace = environment_namespace(objects)
    job = platform_job(namespace=namespace, image=image, module=INSIDE, timeout_seconds=int(seconds))
    try:
        result = cluster.run_job(job, watch=JobWatch(timeout_seconds=seconds, on_event=say))
    except ClusterError as error:
        return (Finding("check inside", ok=False, detail=error.sentence, transient=error.transient),)
    try:
        return read_findings(result.message)
    except ValueError:
        last = result.log_tail[-1] if result.log_tail else "nothing"
        return (Finding("check inside", ok=False, detail=f"it left no result; its last words: {last}"),)


def verify_rights(cluster: Administrator, objects: Sequence[Object]) -> tuple[Finding, ...]:
    """Ask the API for each account whether it may do what its role says, and not what none of them may."""
    accounts = promised_rights(objects)
    if accounts and cluster.account_may(FORBIDDEN[0], account=STRANGER, namespace=accounts[0].namespace):
        detail = "warning: this cluster allows everything to everybody (no RBAC); roles have no effect on it"
        return (Finding("rights", ok=True, detail=detail),)
    return tuple(_finding(cluster, each) for each in accounts)


def _finding(cluster: Administrator, wanted: AccountRights) -> Finding:
    def may(right: Right) -> bool:
        return cluster.account_may(right, account=wanted.account, namespace=wanted.namespace)

    name = f"rights of {wanted.account}"
    missing = [str(right) for right in wanted.rights if not may(right)]
    excess = [str(right) for right in FORBIDDEN if may(right)]
    if missing or excess:
        said = ([f"may not {', '.join(missing)}"] if missing else []) + (
            [f"may {', '.join(excess)}, which it must not"] if excess else []
        )
        check = f"kubectl auth can-i --list -n {wanted.namespace} --as=system:serviceaccount:{wanted.namespace}:"
        return Finding(name, ok=False, detail=f"{'; it '.join(said)}. See its rights: {check}{wanted.account}")
    return Finding(name, ok=True, detail=f"{len(wanted.rights)} rights as its role says, and no Secret to list")
