"""Reconciles live services with what the registry records of them; pure."""

from __future__ import annotations

from collections.abc import Iterator

from blocks.errors import BlockError
from blocks.registry_entries import RegisteredVersion
from deployments.spec import ModelSpec
from flows.audit.facts import AuditFacts, Json, prefix_of, run
from flows.audit.rows import Grade, Row
from flows.deploy_model.record import SERVING, STATE
from flows.deploy_model.release import IMAGE_PROPERTY
from flows.deploy_model.serving import check_image
from flows.import_model.manifest import DIGEST_ANNOTATION, DIGEST_PROPERTY
from flows.lease_keys import service_lease_key
from k8s.fields import condition
from k8s.manifests.labels import MODEL_LABEL

_VERSION_ID = "modelregistry.opendatahub.io/model-version-id"
_SERVING_IMAGE = "serving_image"
_SERVICE = "inference_service"
_NAMESPACE = "inference_service_namespace"


def reconcile_services(facts: AuditFacts) -> Iterator[Row]:
    """Give a row for each service that is there, and for each that should be."""
    live = {service["metadata"]["name"]: service for service in facts.services}
    specs = {spec.serving.inference_service: spec for spec in facts.specs}
    for name, service in sorted(live.items()):
        yield _live(facts, name, service, spec=specs.get(name))
    promised = dict(_promised(facts))
    for name, version in sorted(promised.items()):
        if name not in live:
            said = f"the registry records {version.model}/{version.version} as serving, but it is not there"
            again = run("deploy", specs.get(name), otherwise=[f"kubectl get inferenceservice -n {facts.namespace}"])
            yield Row(Grade.DAMAGE, _subject(facts, name), said, again)
    for name, spec in sorted(specs.items()):
        if name not in live and name not in promised and spec.prefix in facts.ours:
            yield Row(Grade.ABSENT, _subject(facts, name), "registered, not deployed", run("deploy", spec))


def _live(facts: AuditFacts, name: str, service: Json, *, spec: ModelSpec | None) -> Row:
    subject, metadata = _subject(facts, name), service["metadata"]
    digest = str((metadata.get("annotations") or {}).get(DIGEST_ANNOTATION, ""))
    labels = metadata.get("labels") or {}
    look = f"kubectl describe inferenceservice {name} -n {facts.namespace}"
    if MODEL_LABEL not in labels and not digest:
        return Row(Grade.LEFTOVER, subject, "it is not slipway's: nobody recorded which bytes it serves", look)
    again = run("deploy", spec, otherwise=[look])
    version = _version_of(facts, labels)
    if version is None:
        said = f"it serves manifest {digest[:12] or 'none'}, and the registry has no entry of its version"
        return Row(Grade.DAMAGE, subject, said, again)
    recorded = str(version.properties.get(DIGEST_PROPERTY, ""))
    if digest != recorded:
        said = f"it serves manifest {digest[:12] or 'none'}, the registry records {recorded[:12] or 'none'}"
        return Row(Grade.DAMAGE, subject, said, again)
    prefix = prefix_of(version, bucket=facts.inventory.bucket)
    stock = facts.inventory.versions.get(prefix or "")
    if stock is None or stock.manifest is None:
        said = f"it serves {version.model}/{version.version}, whose manifest is gone from the store"
        return Row(Grade.DAMAGE, subject, said, run("import", spec, otherwise=[look]))
    if problem := _other_image(service, facts.pods.get(name, ()), version):
        return Row(Grade.DAMAGE, subject, problem, again)
    return _standing(facts, name, service, version=version, spec=spec)


def _standing(
    facts: AuditFacts, name: str, service: Json, *, version: RegisteredVersion, spec: ModelSpec | None
) -> Row:
    """Say how a service stands that was made of the right bytes and image."""
    subject, what = _subject(facts, name), f"{version.model}/{version.version}"
    lease = facts.inventory.leases.get(service_lease_key(facts.namespace, name))
    ready = condition(service, "Ready") is not None
    if lease and lease.in_force(facts.inventory.taken):
        return Row(Grade.LEFTOVER, subject, f"{lease.owner} works on it")
    if not ready and name in facts.served:
        return Row(Grade.DAMAGE, subject, f"it served {what} and is not ready", run("verify", spec))
    if not ready or name not in facts.served:
        state = "is ready, but no deploy recorded it" if ready else "never was ready"
        return Row(Grade.LEFTOVER, subject, f"{what} {state}", run("deploy", spec))
    if version.properties.get(_SERVING_IMAGE) != version.properties.get(IMAGE_PROPERTY):
        said = f"it serves {what} as recorded; a later import registered another runtime image"
        return Row(Grade.LEFTOVER, subject, said, run("deploy", spec))
    return Row(Grade.FINE, subject, f"it serves {what} as recorded")


def _promised(facts: AuditFacts) -> Iterator[tuple[str, RegisteredVersion]]:
    """The services that the registry records as serving here."""
    for version in facts.registered:
        properties = version.properties
        if properties.get(STATE) == SERVING and properties.get(_NAMESPACE) == facts.namespace:
            yield str(properties.get(_SERVICE, "")), version


def _version_of(facts: AuditFacts, labels: Json) -> RegisteredVersion | None:
    wanted = labels.get(_VERSION_ID)
    return next((version for version in facts.registered if version.version_id == wanted), None)


def _other_image(service: Json, pods: tuple[Json, ...], version: RegisteredVersion) -> str:
    """Say which image runs in place of the recorded one; nothing if it is the recorded one."""
    properties = version.properties
    recorded = str(properties.get(_SERVING_IMAGE) or properties.get(IMAGE_PROPERTY) or "")
    asked = str(service["spec"]["predictor"]["model"].get("image", ""))
    if asked != recorded:
        return f"it asks for the image {asked or 'none'}, the registry records {recorded or 'none'}"
    try:
        check_image(pods, wanted=recorded)
    except BlockError as error:
        return str(error)
    return ""


def _subject(facts: AuditFacts, name: str) -> str:
    return f"{facts.namespace}/{name}"
