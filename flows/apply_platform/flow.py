"""`platform`: install everything that the other flows need on a cluster, with an administrator's own kubeconfig.

It has no deployment: a worker in the cluster never holds such rights. `python -m flows.apply_platform` runs it.
"""

from __future__ import annotations

from prefect import flow

from flows.apply_platform.installation import Wish
from flows.apply_platform.tasks import apply, preflight, secrets, verify, wait


@flow(name="platform", flow_run_name="platform")
def apply_platform(
    overlay: str = "kubernetes",
    *,
    dry_run: bool = False,
    force_conflicts: bool = False,
    rotate: tuple[str, ...] = (),
    timeout_seconds: float = 900.0,
) -> tuple[str, ...]:
    """Install the platform, wait until all of it is ready, and prove that it works; returns what changed.

    Args:
        overlay: `kubernetes`, `openshift`, or the folder of a kustomization of the site.
        dry_run: only say what would change.
        force_conflicts: take over fields that other managers hold.
        rotate: Secrets whose databases were told the new password already.
        timeout_seconds: how long each part may take to become ready.
    """
    wish = Wish(overlay=overlay, dry_run=dry_run, force=force_conflicts, rotate=tuple(rotate), seconds=timeout_seconds)
    preflight(wish)
    changed = (*secrets(wish), *apply(wish))
    if not dry_run:
        wait(wish)
        verify(wish)
    return changed
