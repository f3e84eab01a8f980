"""What people see of a preflight in the Prefect UI: one table, and a line in the log for each finding."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger

from flows.cosmetic import cosmetic
from flows.preflight import Finding, table


def show_findings(findings: Sequence[Finding], *, flow: str, model: str) -> None:
    """Publish the preflight's table, and log each finding on a line of its own.

    Args:
        findings: what the checks found.
        flow: the flow's public name, for example "import".
        model: the catalog key.
    """
    with cosmetic():
        create_table_artifact(
            table(findings), key=f"preflight-{flow}-{model}", description=f"Preflight of {flow}/{model}"
        )
    logger = get_run_logger()
    for finding in findings:
        (logger.info if finding.ok else logger.error)("%s: %s", finding.name, finding.detail)
