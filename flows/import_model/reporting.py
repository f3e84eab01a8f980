"""What people see of an import in the Prefect UI: a table, a progress bar, a receipt."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from importlib import metadata
from pathlib import PurePath
from typing import cast
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.futures import PrefectFuture, as_completed
from prefect.logging import get_run_logger

from blocks.registry_entries import RegisteredVersion
from deployments import VERSION
from deployments.settings import settings
from deployments.spec import ModelSpec
from flows.cosmetic import cosmetic
from flows.import_model.entry import Place
from flows.import_model.manifest import Manifest
from flows.import_model.options import TransferOptions
from flows.import_model.progress import MEGABYTE, Progress, size_text
from flows.import_model.receipt import ImportReceipt
from flows.import_model.runtime import RuntimeImage
from flows.import_model.source import ResolvedSource
from flows.import_model.stock import Stock
from flows.import_model.transfer import TransferredFile
from flows.runs import this_run

TOOLS = ("prefect", "huggingface_hub", "boto3", "kubernetes", "model-registry")
"""Distributions whose versions a receipt names."""

REFRESH_SECONDS = 2.0
"""How often the bar moves; each refresh is one call to the Prefect API."""


@contextmanager
def shown_progress(doing: str, *, model: str, total: int, done: int) -> Iterator[Progress]:
    """Show one progress bar while the work inside the block counts bytes.

    Where the block fails, or the run is cancelled, its transfers give up before this returns: the version's lease must
    not be released while one of them could still make an object visible.

    Args:
        doing: what the bar is named after, for example "import".
        model: the catalog key.
        total: bytes of all files.
        done: bytes that are in place before this run moves any.
    """
    progress = Progress(total=total, done=done, options=TransferOptions.of(settings()))
    title = f"{doing}/{model}"
    # Typed for sync and async callers at once; a flow of ours is sync.
    artifact: UUID | None = None
    with cosmetic():
        artifact = cast("UUID", create_progress_artifact(progress.standing().percent, key=f"{doing}-{model}"))
    over = threading.Event()
    logger = get_run_logger()

    def show() -> None:
        if artifact is None:
            return
        standing = progress.standing()
        with cosmetic(logger):
            update_progress_artifact(artifact, standing.percent, description=f"{title}: {standing.sentence()}")

    def refresh() -> None:
        while not over.wait(REFRESH_SECONDS):
            show()

    # With the run's context: it says, among others, which Prefect server the run is told to.
    refresher = threading.Thread(target=copy_context().run, args=(refresh,), name="progress", daemon=True)
    refresher.start()
    try:
        yield progress
    except BaseException:
        # Here, not where the transfers are waited for: a run can be cancelled while it still hands them out.
        progress.abandon()
        raise
    finally:
        progress.stop()
        over.set()
        refresher.join()
        show()


def settle(transfers: Sequence[PrefectFuture[TransferredFile]]) -> list[TransferredFile]:
    """Wait for all transfers, and raise at the first one that fails for good."""
    for transfer in as_completed(list(transfers)):
        transfer.result()
    return [transfer.result() for transfer in transfers]


def write_receipt(
    spec: ModelSpec,
    *,
    source: ResolvedSource,
    stock: Stock,
    moved: Sequence[TransferredFile],
    seconds: float,
    manifest: Manifest,
    image: RuntimeImage,
    version: RegisteredVersion,
    place: Place,
    registry_url: str,
) -> ImportReceipt:
    """Put a receipt together from what the tasks returned.

    Args:
        spec: the model.
        source: where it came from.
        stock: what was there before.
        moved: what became of the files that were not.
        seconds: time of the transfers.
        manifest: the version's manifest.
        image: the runtime image.
        version: the registry's entry.
        place: where everything is.
        registry_url: the entry's address.
    """
    sent = [file for file in moved if not file.skipped]
    run = this_run()
    return ImportReceipt(
        model=spec.key,
        registered_model=spec.registered_model,
        version=spec.version,
        repo=source.repo,
        revision=spec.source.revision,
        commit=source.commit,
        pinned=spec.source.is_pinned,
        branch_moved_to=source.moved_to,
        files_total=len(source.files),
        files_moved=len(sent),
        bytes_total=stock.total_bytes,
        bytes_moved=sum(file.size for file in sent),
        seconds=round(seconds, 3),
        uri=place.uri(spec),
        manifest_sha256=manifest.digest(),
        runtime_image=image.reference,
        runtime_image_digest=image.digest,
        runtime_built=image.built,
        registry_version_id=version.version_id,
        registry_url=registry_url,
        flow_run_id=run.id,
        flow_run_url=run.url or None,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        tool_versions={"slipway": VERSION} | {name: metadata.version(name) for name in TOOLS},
        replica=f"What it should be is said by {_tail(spec.overlaid_by)}." if spec.overlaid_by else None,
    )


def _tail(path: str) -> str:
    """The last three parts of a path: enough to find the file, without the machine's own folders."""
    return "/".join(PurePath(path).parts[-3:])


def show_receipt(receipt: ImportReceipt) -> None:
    """Publish the receipt as markdown, and say its result in one line."""
    with cosmetic():
        create_markdown_artifact(
            receipt.markdown(), key=f"receipt-{receipt.model}", description=f"Receipt of import/{receipt.model}"
        )
    get_run_logger().info("%s/%s is imported: %s", receipt.registered_model, receipt.version, receipt.moved_sentence())


def file_line(done: TransferredFile) -> str:
    """Say in one line what became of a file."""
    if done.skipped:
        return f"{done.path}: {size_text(done.size)}, in place, sha256 {done.sha256[:12]}"
    # The rate of a small file is the time of its requests, and would be read as a slow network.
    rate = f" ({done.size / done.seconds / MEGABYTE:,.1f} MB/s)" if done.size >= MEGABYTE and done.seconds else ""
    return f"{done.path}: {size_text(done.size)} in {done.seconds:.1f} s{rate}, verified, sha256 {done.sha256[:12]}"
