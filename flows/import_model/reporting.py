"""What people see of an import in the Prefect UI: a table, a progress bar, a receipt."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.logging import get_run_logger

from flows.import_model.preflight import Finding, table
from flows.import_model.progress import MEGABYTE, Progress
from flows.import_model.receipt import ImportReceipt

REFRESH_SECONDS = 2.0
"""How often the bar moves; each refresh is one call to the Prefect API."""


def show_findings(findings: Sequence[Finding], *, model: str) -> None:
    """Publish the preflight's table, and log each problem on a line of its own."""
    create_table_artifact(table(findings), key=f"preflight-{model}", description=f"Preflight of import/{model}")
    logger = get_run_logger()
    for finding in findings:
        (logger.info if finding.ok else logger.error)("%s: %s", finding.name, finding.detail)


@contextmanager
def shown_progress(*, model: str, total: int, done: int) -> Iterator[Progress]:
    """Show one progress bar for a whole import while the transfers inside the block count bytes.

    Args:
        model: the catalog key.
        total: bytes of all files.
        done: bytes that are in place before this run moves any.
    """
    progress = Progress(total=total, done=done)
    artifact = create_progress_artifact(
        progress.standing().percent, key=f"import-{model}", description=f"import/{model}: {total / MEGABYTE:,.1f} MB"
    )
    over = threading.Event()

    def show() -> None:
        standing = progress.standing()
        update_progress_artifact(artifact, standing.percent, description=f"import/{model}: {standing.sentence()}")

    def refresh() -> None:
        while not over.wait(REFRESH_SECONDS):
            show()

    refresher = threading.Thread(target=refresh, name="progress", daemon=True)
    refresher.start()
    try:
        yield progress
    finally:
        over.set()
        refresher.join()
        show()


def show_receipt(receipt: ImportReceipt) -> None:
    """Publish the receipt as markdown, and say its result in one line."""
    create_markdown_artifact(
        receipt.markdown(), key=f"receipt-{receipt.model}", description=f"Receipt of import/{receipt.model}"
    )
    get_run_logger().info(
        "%s/%s is imported: %s", receipt.registered_model, receipt.version, receipt.moved_sentence()
    )
