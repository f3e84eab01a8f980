"""`import`: bring a catalog model from the Hub into the platform."""

from __future__ import annotations

from prefect import flow, unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from blocks.loading import load_hub, load_images, load_registry, load_store
from deployments import catalog
from deployments.catalog import ModelKey
from deployments.settings import settings
from flows.import_model import lease, reporting
from flows.import_model.receipt import ImportReceipt
from flows.import_model.tasks import (
    build_runtime,
    preflight,
    publish_manifest,
    register_model,
    resolve_source,
    take_stock,
    transfer_file,
)


@flow(
    name="import",
    flow_run_name="import-{model}",
    task_runner=ThreadPoolTaskRunner(max_workers=settings().transfer_files + 1),
)
def import_model(model: ModelKey) -> ImportReceipt:
    """Bring a catalog model from the Hub into the platform: weights, runtime image, registry entry.

    The image does not depend on the weights, so it is built while they move: one worker is its own.
    """
    spec = catalog.load(model)
    hub, store, registry, images = load_hub(), load_store(), load_registry(), load_images()
    preflight(spec, hub=hub, store=store, registry=registry, images=images)
    with lease.held(spec, store=store) as claim:
        source = resolve_source(spec, hub=hub, store=store)
        stock = take_stock(spec, source=source, store=store)
        image = build_runtime.submit(images)
        with reporting.progress(stock) as progress:
            files = transfer_file.map(
                stock.missing, spec=unmapped(spec), source=unmapped(source), hub=unmapped(hub), store=unmapped(store),
                progress=unmapped(progress),
            )  # fmt: skip
            moved = files.result()
        manifest = publish_manifest(spec, source=source, stock=stock, moved=moved, store=store, claim=claim)
    entry = register_model(spec, source=source, manifest=manifest, image=image.result(), store=store, registry=registry)
    return reporting.receipt(spec, source, stock, moved, manifest, image.result(), entry)
