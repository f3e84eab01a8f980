"""What people see of an installation: tables in the log and in the Prefect UI; never a secret value."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger

from flows.apply_platform.changes import Change
from flows.apply_platform.findings import aligned, as_table
from flows.apply_platform.secret_plan import SecretChange
from flows.cosmetic import cosmetic
from flows.preflight import Finding, table


def show_findings(findings: Sequence[Finding], *, title: str) -> None:
    """Show findings as one table."""
    with cosmetic():
        create_table_artifact(table(findings), key=f"platform-{title}", description=f"The platform: {title}")
    bad = sum(not finding.ok for finding in findings)
    heading = f"{title}: {len(findings)} looked at, {bad} problem{'s' if bad != 1 else ''}"
    (get_run_logger().error if bad else get_run_logger().info)("%s\n%s", heading, as_table(findings))


def show_secrets(changes: Sequence[SecretChange], *, dry_run: bool) -> None:
    """Show what becomes of the Secrets: names of keys, never values."""
    rows = [
        {
            "secret": f"{each.namespace}/{each.name}",
            "action": each.action,
            "generated": ", ".join(each.generated),
            "from variables": ", ".join(each.given),
        }
        for each in changes
        if each.action != "keep"
    ]
    kept = sum(each.action == "keep" for each in changes)
    _show(rows, title="secrets", kept=kept, dry_run=dry_run)


def show_changes(changes: Sequence[Change], *, dry_run: bool) -> None:
    """Show what becomes of the objects."""
    rows = [
        {"object": each.name, "action": each.action, "fields": each.detail} for each in changes if each.action != "keep"
    ]
    _show(rows, title="objects", kept=len(changes) - len(rows), dry_run=dry_run)


def _show(rows: Sequence[dict[str, str]], *, title: str, kept: int, dry_run: bool) -> None:
    with cosmetic():
        create_table_artifact(list(rows) or [{"nothing": "to change"}], key=f"platform-{title}", description=title)
    logger = get_run_logger()
    if not rows:
        logger.info("%s: nothing to change, %d are as they should be", title, kept)
        return
    verb = "would be changed" if dry_run else "changed"
    text = aligned([tuple(row.values()) for row in rows])
    logger.info("%s: %d %s, %d are as they should be\n%s", title, len(rows), verb, kept, text)
