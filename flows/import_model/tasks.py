"""The import's tasks: each names, logs and calls; what decides or talks is in a neighbour or an adapter."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.logging import get_run_logger

from blocks.errors import BlockError
from blocks.hub import ModelHub
from blocks.hub_files import HubFile
from blocks.image_registry import ImageRegistry
from blocks.lease import Lease
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from blocks.registry_entries import RegisteredVersion
from deployments.errors import SettingsError
from deployments.settings import settings
from deployments.spec import ModelSpec
from flows.findings import show_findings
from flows.import_model import reporting
from flows.import_model.checks import import_checks
from flows.import_model.entry import Place, registry_entry
from flows.import_model.keys import safe_key
from flows.import_model.manifest import Manifest
from flows.import_model.progress import Progress
from flows.import_model.publishing import compose, publish
from flows.import_model.receipt import ImportReceipt
from flows.import_model.runtime import RuntimeImage, ensure_runtime
from flows.import_model.source import ResolvedSource, resolve
from flows.import_model.stock import Stock, read_manifest, read_stock
from flows.import_model.transfer import TransferredFile, abort_leftovers
from flows.import_model.transfer import transfer_file as transfer
from flows.policies import effect
from flows.preflight import refuse_problems, run_checks
from flows.runs import this_run
from k8s.cluster import connect
from k8s.errors import ClusterError


@effect("preflight")
def preflight(
    spec: ModelSpec, *, hub: ModelHub, store: ObjectStore, registry: ModelRegistry, images: ImageRegistry
) -> None:
    """Look at everything that the import needs, and tell all problems at once, before anything is changed."""
    checks = import_checks(spec, hub=hub, store=store, registry=registry, images=images, environment=settings())
    findings = run_checks(checks, errors=(BlockError, ClusterError, SettingsError))
    show_findings(findings, flow="import", model=spec.key)
    refuse_problems(findings, doing="importing", model=spec.key)


@effect("resolve-source")
def resolve_source(spec: ModelSpec, *, hub: ModelHub, store: ObjectStore) -> ResolvedSource:
    """Turn the revision into a commit and prove that it is the declared model."""
    source = resolve(hub.client(), spec=spec, held=read_manifest(store.client(), prefix=spec.prefix))
    logger = get_run_logger()
    logger.info("%s@%s is commit %s, %d files", source.repo, spec.source.revision, source.commit, len(source.files))
    if source.moved_to:
        logger.warning(
            "branch moved to %s; %s/%s keeps its commit: set another version to import it",
            source.moved_to, spec.registered_model, spec.version,
        )  # fmt: skip
    return source


@effect("take-stock")
def take_stock(spec: ModelSpec, *, source: ResolvedSource, store: ObjectStore) -> Stock:
    """Compare the source with what the store holds, and clear the unfinished uploads of an earlier attempt."""
    client = store.client()
    cleared = abort_leftovers(client, prefix=spec.prefix)
    stock = read_stock(client, prefix=spec.prefix, source=source)
    get_run_logger().info(
        "%d files are in place, %d to transfer, %d unfinished uploads cleared",
        len(stock.plan.present), len(stock.missing), cleared,
    )  # fmt: skip
    for path in sorted(stock.damaged):
        get_run_logger().warning("%s is replaced: the last verification found other bytes than the manifest says", path)
    return stock


@effect("transfer-file", run_name="transfer-{file.path}")
def transfer_file(
    file: HubFile,
    *,
    repo: str,
    commit: str,
    prefix: str,
    damaged: frozenset[str],
    hub: ModelHub,
    store: ObjectStore,
    progress: Progress,
    claim: Lease,
) -> TransferredFile:
    """Stream one file from the Hub into the store; it becomes visible only if its hash is the declared one.

    Its arguments are small: Prefect looks through them for each file. With the source and the stock among them, an
    import of a thousand files took two minutes of CPU time.
    """
    with progress.attempt(size=file.size) as attempt:
        done = transfer(
            hub.client(), store.client(), repo=repo, commit=commit, file=file, key=safe_key(prefix, file.path),
            attempt=attempt, confirm=claim.confirm, damaged=file.path in damaged,
        )  # fmt: skip
    if done.skipped:
        progress.skipped(done.size)
    get_run_logger().info("%s", reporting.file_line(done))
    return done


@effect("publish-manifest")
def publish_manifest(
    spec: ModelSpec,
    *,
    source: ResolvedSource,
    stock: Stock,
    moved: Sequence[TransferredFile],
    store: ObjectStore,
    claim: Lease,
) -> Manifest:
    """Write the manifest, last: from here on the version is visible, and its bytes never change."""
    manifest = compose(spec, source=source, stock=stock, moved=moved)
    standing = publish(store.client(), manifest=manifest, stock=stock, prefix=spec.prefix, claim=claim)
    state = "written" if standing is manifest else "was there, unchanged"
    get_run_logger().info("manifest sha256:%s %s", standing.digest(), state)
    return standing


@effect("build-runtime")
def build_runtime(images: ImageRegistry) -> RuntimeImage:
    """Make sure that the runtime image of the current inputs is in the image registry."""
    logger = get_run_logger()
    image = ensure_runtime(images, cluster=connect, environment=settings(), say=logger.info)
    logger.info(
        "%s is %s, %s", image.destination, image.digest, "built" if image.built else "unchanged, not built again"
    )
    return image


@effect("register-model")
def register_model(
    spec: ModelSpec, *, manifest: Manifest, image: RuntimeImage, place: Place, registry: ModelRegistry
) -> RegisteredVersion:
    """Make the registry's entry say what is true of the version."""
    entry = registry_entry(spec, manifest=manifest, image=image, place=place, run=this_run())
    version = registry.client().upsert_version(entry)
    get_run_logger().info("%s/%s is version %s in the registry", version.model, version.version, version.version_id)
    return version


@effect("publish-receipt")
def publish_receipt(receipt: ImportReceipt, *, store: ObjectStore) -> None:
    """Keep the receipt beside the weights' bucket, and show it in the UI."""
    key = f"receipts/{receipt.registered_model}/{receipt.version}/{receipt.flow_run_id}.json"
    store.client().put(key, receipt.model_dump_json(indent=2).encode(), content_type="application/json")
    reporting.show_receipt(receipt)
