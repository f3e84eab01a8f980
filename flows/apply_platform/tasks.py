"""The installation's tasks: each names, logs and calls. No task takes or returns a secret value."""

from __future__ import annotations

from prefect.logging import get_run_logger

from flows.apply_platform import reporting
from flows.apply_platform.applying import apply_changes, plan_changes
from flows.apply_platform.errors import (
    NotConvergedError,
    NotVerifiedError,
    PlatformPreflightError,
    SecretsRefusedError,
)
from flows.apply_platform.installation import Wish, flows_image, noted, planned_secrets, platform_objects, store_secrets
from flows.apply_platform.looking import look
from flows.apply_platform.variables import PlatformVariables
from flows.apply_platform.verifying import verify_inside, verify_rights
from flows.apply_platform.waiting import problems_of, wait_for_all
from flows.policies import effect
from k8s.cluster.administration import administer


@effect("preflight")
def preflight(wish: Wish) -> None:
    """Look at the cluster, the overlay and the variables, and tell all problems at once, before anything is changed."""
    findings = look(wish, given=PlatformVariables())
    reporting.show_findings(findings, title="preflight")
    problems = problems_of(findings)
    if problems:
        raise PlatformPreflightError(problems=problems)


@effect("secrets")
def secrets(wish: Wish) -> tuple[str, ...]:
    """Make and update the Secrets, and before them the namespaces; returns what changed, without a value."""
    cluster, given = administer(), PlatformVariables()
    objects = platform_objects(wish.overlay, given=given)
    plan = planned_secrets(cluster, objects, given=given, rotate=wish.rotate)
    if plan.problems:
        raise SecretsRefusedError(problems=plan.problems)
    if not wish.dry_run:
        cluster.apply_all([each for each in objects if each["kind"] == "Namespace"], force=wish.force)
        store_secrets(cluster, plan.changes)
    reporting.show_secrets(plan.changes, dry_run=wish.dry_run)
    return tuple(f"{each.namespace}/{each.name}" for each in plan.changes if each.action != "keep")


@effect("apply")
def apply(wish: Wish) -> tuple[str, ...]:
    """Apply what differs, in order; returns what changed."""
    cluster = administer()
    objects = noted(cluster, platform_objects(wish.overlay, given=PlatformVariables()))
    changes = plan_changes(cluster, objects, force=wish.force)
    if not wish.dry_run:
        apply_changes(cluster, changes, force=wish.force, say=get_run_logger().info)
    reporting.show_changes(changes, dry_run=wish.dry_run)
    return tuple(each.name for each in changes if each.action != "keep")


@effect("wait")
def wait(wish: Wish) -> None:
    """Wait until everything is ready; what is not is explained."""
    cluster = administer()
    objects = noted(cluster, platform_objects(wish.overlay, given=PlatformVariables()))
    findings = wait_for_all(cluster, objects, seconds=wish.seconds, say=get_run_logger().info)
    reporting.show_findings(findings, title="ready")
    problems = problems_of(findings)
    if problems:
        raise NotConvergedError(problems=problems)


@effect("verify")
def verify(wish: Wish) -> None:
    """Try each system from where flow runs stand, and ask for each account's rights."""
    cluster, logger = administer(), get_run_logger()
    objects = platform_objects(wish.overlay, given=PlatformVariables())
    inside = verify_inside(cluster, objects, image=flows_image(objects), seconds=wish.seconds, say=logger.info)
    findings = (*inside, *verify_rights(cluster, objects))
    reporting.show_findings(findings, title="verify")
    problems = problems_of(findings)
    if problems:
        raise NotVerifiedError(problems=problems)
