"""`import`: bring a catalog model from the Hub into the platform."""

from __future__ import annotations

from typing import Any

from prefect import flow, unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from blocks.loading import load_hub, load_images, load_registry, load_store
from deployments import catalog
from deployments.catalog import ModelKey
from deployments.settings import settings
from flows.import_model.entry import Place
from flows.import_model.leasing import version_lease
from flows.import_model.options import TransferOptions
from flows.import_model.receipt import ImportReceipt
from flows.import_model.reporting import settle, shown_progress, write_receipt
from flows.import_model.tasks import (
    build_runtime,
    preflight,
    publish_manifest,
    publish_receipt,
    register_model,
    resolve_source,
    take_stock,
    transfer_file,
)

# The image does not depend on the weights, so it is built while they move, by a worker more than there are lanes.
RUNNER: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=TransferOptions.of(settings()).in_flight + 1)


@flow(name="import", flow_run_name="import-{model}", task_runner=RUNNER)  # type: ignore[arg-type]  # Prefect types its own runner too narrowly
def import_model(model: ModelKey) -> ImportReceipt:
    """Bring a catalog model from the Hub into the platform: weights, runtime image, registry entry."""
    spec = catalog.load(model)
    hub, store, registry, images = load_hub(), load_store(), load_registry(), load_images()
    place = Place(hub=hub.endpoint, endpoint=store.endpoint, bucket=store.bucket)
    preflight(spec, hub=hub, store=store, registry=registry, images=images)
    with version_lease(spec, store=store) as claim:
        source = resolve_source(spec, hub=hub, store=store)
        stock = take_stock(spec, source=source, store=store)
        image = build_runtime.submit(images)
        with shown_progress("import", model=model, total=stock.total_bytes, done=stock.present_bytes) as progress:
            transfers = transfer_file.map(
                stock.missing,
                repo=unmapped(source.repo),
                commit=unmapped(source.commit),
                prefix=unmapped(spec.prefix),
                damaged=unmapped(stock.damaged),
                hub=unmapped(hub),
                store=unmapped(store),
                progress=unmapped(progress),
                claim=unmapped(claim),
            )
            moved = settle(transfers)
        manifest = publish_manifest(spec, source=source, stock=stock, moved=moved, store=store, claim=claim)
    version = register_model(spec, manifest=manifest, image=image.result(), place=place, registry=registry)
    receipt = write_receipt(
        spec,
        source=source,
        stock=stock,
        moved=moved,
        seconds=progress.standing().seconds,
        manifest=manifest,
        image=image.result(),
        version=version,
        place=place,
        registry_url=registry.client().version_url(version),
    )
    publish_receipt(receipt, store=store)
    return receipt
