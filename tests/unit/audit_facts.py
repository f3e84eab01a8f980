"""A platform on which all is well, for tests of audits and cleanups: each test changes one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.objects import ObjectEntry, Upload
from blocks.registry_entries import RegisteredVersion
from deployments.settings import Settings
from flows.audit.facts import AuditFacts
from flows.audit.inventory import Inventory, StoredLease, StoredVersion
from flows.deploy_model.history import ServedRecord
from k8s.manifests.inference_service import inference_service
from tests.unit.deploy_facts import BUCKET, IMAGE, manifest_of, release_of, spec_of, version_of

Json = dict[str, Any]
SPEC = spec_of("quantized")
MANIFEST = manifest_of(SPEC)
PREFIX = SPEC.prefix
NAME = PREFIX.rstrip("/")
SERVICE = SPEC.serving.inference_service
NAMESPACE = "private-ai-demo"
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=3)
SERVING = {
    "inference_service": SERVICE,
    "inference_service_namespace": NAMESPACE,
    "inference_service_state": "serving",
    "serving_image": IMAGE,
}


def entry(key: str, size: int = 5, *, at: datetime = LONG_AGO) -> ObjectEntry:
    """An object as it is listed."""
    return ObjectEntry(key, size, '"tag"', at)


def entries(*extra: ObjectEntry, without: str = "") -> dict[str, ObjectEntry]:
    """The objects of the imported version, and others under its prefix."""
    whole = [entry(PREFIX + file.path, file.size) for file in MANIFEST.files]
    kept = [each for each in (*whole, entry(PREFIX + "manifest.json"), *extra) if each.key != PREFIX + without]
    return {each.key: each for each in kept}


def inventory(*extra: ObjectEntry, without: str = "", **changes: Any) -> Inventory:  # noqa: ANN401 - fields of Inventory
    """The bucket with the imported version."""
    version = StoredVersion(entries=entries(*extra, without=without), manifest=MANIFEST)
    return replace(Inventory(bucket=BUCKET, taken=NOW, versions={PREFIX: version}), **changes)


def lease(key: str, *, at: datetime = NOW) -> StoredLease:
    """A lease of a minute that was last renewed at this time."""
    return StoredLease(key=key, owner="flow run brave-heron (42)", ttl_seconds=60, written=at)


def upload(key: str, *, at: datetime | None = LONG_AGO) -> Upload:
    """An unfinished upload."""
    return Upload(key, "id", at)


def version(**properties: str) -> RegisteredVersion:
    """The registry's entry, as import and deploy leave it."""
    return version_of(SPEC, MANIFEST, **{**SERVING, **properties})


def service(*, ready: bool = True) -> Json:
    """The service, as a deploy leaves it."""
    made = inference_service(SPEC, release_of(SPEC).inputs(Settings(), bucket=BUCKET))
    return made | {"status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


def pod(image: str = IMAGE) -> Json:
    """A ready pod of it."""
    statuses = [{"name": "kserve-container", "imageID": image}]
    return {"metadata": {"name": "p", "namespace": NAMESPACE}, "status": {"containerStatuses": statuses}}


def served() -> ServedRecord:
    """What the last good deploy left."""
    return ServedRecord(
        service=service(), version=SPEC.version, manifest_sha256=MANIFEST.digest(), flow_run_id="r", served="t"
    )


def facts(**changes: Any) -> AuditFacts:  # noqa: ANN401 - fields of AuditFacts
    """A platform with one model of the catalog, imported and served."""
    whole = AuditFacts(
        specs=(SPEC,),
        inventory=inventory(),
        registered=(version(),),
        namespace=NAMESPACE,
        services=(service(),),
        elsewhere=(),
        pods={SERVICE: (pod(),)},
        served={SERVICE: served()},
    )
    return replace(whole, **changes)
