"""The deploy's tasks: each names, logs and calls; what decides or talks is in a neighbour or an adapter."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger

from blocks.lease import Lease
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from blocks.registry_entries import RegisteredVersion
from blocks.served_model import ServedModel
from deployments.settings import settings
from deployments.spec import ModelSpec
from flows.cosmetic import cosmetic
from flows.deploy_model.applying import Stock, apply_objects, look_at_service, was_applied
from flows.deploy_model.checks import look
from flows.deploy_model.cluster_checks import SERVICE_KIND
from flows.deploy_model.engine_log import EngineMemory, read_engine_log
from flows.deploy_model.failure import failure_markdown
from flows.deploy_model.fill.filling import FillResult
from flows.deploy_model.history import ServedRecord, read_served, write_served
from flows.deploy_model.receipt import DeployReceipt
from flows.deploy_model.record import serving_properties
from flows.deploy_model.recovery import (
    UNSEEN_EVIDENCE,
    UNTOUCHED,
    UNTOUCHED_EVIDENCE,
    Touched,
    is_unseen,
    keep_evidence,
    restore,
    unseen,
)
from flows.deploy_model.release import Release
from flows.deploy_model.serving import Serving, check_image, read_serving
from flows.deploy_model.smoke import SmokeResult
from flows.deploy_model.smoke import smoke_test as ask
from flows.deploy_model.volume import ensure_volume
from flows.deploy_model.waiting import shown_wait
from flows.deploy_model.wanted import Wanted
from flows.findings import show_findings
from flows.policies import effect
from flows.preflight import refuse_problems
from flows.runs import this_run
from k8s.cluster import ReadyWatch, connect
from k8s.errors import ClusterError
from k8s.status.engine import ENGINE_CONTAINER


@effect("preflight")
def preflight(spec: ModelSpec, *, store: ObjectStore, registry: ModelRegistry) -> Release:
    """Look at everything that the deploy needs, and tell all problems at once, before anything is changed."""
    outlook = look(spec, store=store, registry=registry, environment=settings())
    show_findings(outlook.findings, flow="deploy", model=spec.key)
    refuse_problems(outlook.findings, doing="deploying", model=spec.key)
    if outlook.release is None:
        raise RuntimeError("a preflight without problems found no release")
    return outlook.release


@effect("take-stock")
def take_stock(wanted: Wanted) -> Stock:
    """Compare what is wanted with what the cluster holds."""
    stock = look_at_service(connect(), wanted=wanted)
    get_run_logger().info("%s %s", wanted.service["metadata"]["name"], stock.sentence())
    return stock


@effect("fill-volume")
def fill_volume(
    spec: ModelSpec, *, wanted: Wanted, release: Release, served: ServedRecord | None, store: ObjectStore
) -> FillResult | None:
    """Make the model's volume hold the version; models that are served from S3 have none."""
    if wanted.claim is None:
        return None
    logger = get_run_logger()
    result = ensure_volume(
        spec, wanted.claim, cluster=connect(), environment=settings(), bucket=store.bucket,
        manifest_sha256=release.manifest.digest(), keep=served.folder if served else None, say=logger.info,
    )  # fmt: skip
    logger.info("%s", result.sentence())
    return result


@effect("apply")
def apply(wanted: Wanted, *, stock: Stock, claim: Lease) -> None:
    """Apply the monitor, then the service; what is refused leaves what serves as it was."""
    claim.confirm()
    apply_objects(connect(), wanted=wanted, stock=stock, run=this_run().id, say=get_run_logger().info)


@effect("wait-ready", retried=False)
def wait_ready(spec: ModelSpec) -> Serving:
    """Wait until the service serves what was applied, and tell how it stands."""
    environment, name = settings(), spec.serving.inference_service
    with shown_wait(model=spec.key, expected_seconds=spec.serving.load_seconds) as say:
        watch = ReadyWatch(
            timeout_seconds=environment.deploy_timeout_seconds, on_progress=say, on_event=get_run_logger().info
        )
        result = connect().wait_ready(SERVICE_KIND, name, namespace=environment.namespace, watch=watch)
    return read_serving(result.thing, result.pods)


@effect("smoke-test")
def smoke_test(serving: Serving, *, release: Release) -> SmokeResult:
    """Ask the service what everything later rests on, and prove that it runs the image that was deployed."""
    check_image(serving.pods, wanted=release.image)
    result = ask(ServedModel(serving.address), name=serving.service)
    get_run_logger().info("%s answers: %r, %d tokens scored", result.model, result.completion, result.scored_tokens)
    return result


@effect("read-engine")
def read_engine(serving: Serving) -> EngineMemory:
    """Read what the engine said of its memory when it started; a log that is gone says nothing."""
    cluster, lines = connect(), list[str]()
    for pod in serving.pods:
        try:
            lines += cluster.log(dict(pod), ENGINE_CONTAINER)
        except ClusterError as error:
            get_run_logger().warning("the engine's figures stay unknown: %s", error)
    return read_engine_log(lines)


@effect("record")
def record(
    spec: ModelSpec, *, wanted: Wanted, release: Release, serving: Serving, memory: EngineMemory, store: ObjectStore,
    registry: ModelRegistry, claim: Lease,
) -> RegisteredVersion:  # fmt: skip
    """Keep the manifest that serves, for the way back, and tell the registry what serves where."""
    claim.confirm()
    run = this_run()
    served = ServedRecord(
        service=wanted.service, version=spec.version, manifest_sha256=release.manifest.digest(), flow_run_id=run.id,
        served=datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
    write_served(store.client(), served)
    properties = serving_properties(serving, release=release, memory=memory, run=run)
    return registry.client().merge_properties(spec.registered_model, spec.version, properties)


@effect("read-history")
def read_history(spec: ModelSpec, *, store: ObjectStore) -> ServedRecord | None:
    """Find what served last, which a failed deploy goes back to."""
    return read_served(store.client(), namespace=settings().namespace, service=spec.serving.inference_service)


@effect("recover", retried=False)
def recover(
    spec: ModelSpec, *, error: Exception, touched: Touched, wanted: Wanted, stock: Stock, served: ServedRecord | None,
    store: ObjectStore, claim: Lease,
) -> None:  # fmt: skip
    """Keep what explains a failure, bring back what served last if it was replaced, and report both."""
    logger, evidence, restoration = get_run_logger(), UNTOUCHED_EVIDENCE, UNTOUCHED
    cluster, run = connect(), this_run().id
    landed = partial(was_applied, cluster, wanted=wanted, stock=stock, run=run)
    if is_unseen(error, touched=touched, landed=landed):
        evidence, restoration = UNSEEN_EVIDENCE, unseen(spec.key)
    elif touched is Touched.YES:
        evidence = keep_evidence(store.client(), cluster=cluster, service=wanted.service, run=run)
        restoration = restore(
            served, failed=wanted.service, model=spec.key, cluster=cluster, confirm=claim.confirm,
            timeout_seconds=settings().deploy_timeout_seconds, say=logger.info,
        )  # fmt: skip
    logger.error("%s", restoration.sentence)
    report = failure_markdown(spec, error, evidence=evidence, restoration=restoration, endpoint=store.endpoint)
    with cosmetic():
        create_markdown_artifact(report, key=f"failure-deploy-{spec.key}", description=f"Why deploy/{spec.key} failed")


@effect("publish-receipt")
def publish_receipt(receipt: DeployReceipt, *, store: ObjectStore) -> None:
    """Keep the receipt beside the weights' bucket, and show it in the UI."""
    key = f"receipts/{receipt.registered_model}/{receipt.version}/{receipt.flow_run_id}.json"
    store.client().put(key, receipt.model_dump_json(indent=2).encode(), content_type="application/json")
    with cosmetic():
        create_markdown_artifact(
            receipt.markdown(), key=f"deployed-{receipt.model}", description=f"What deploy/{receipt.model} serves"
        )
    get_run_logger().info("%s", receipt.sentence())
