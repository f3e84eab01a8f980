"""What a deploy's preflight looks at: the release, and that the cluster can take it; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.errors import BlockError
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from deployments.errors import SettingsError
from deployments.settings import Settings
from deployments.spec import ClaimStorage, ModelSpec
from flows.deploy_model import cluster_checks, volume_checks
from flows.deploy_model.applying import look_at_service
from flows.deploy_model.errors import NoRoomError
from flows.deploy_model.release import Release, find_release
from flows.deploy_model.wanted import wanted_objects
from flows.import_model.progress import MEGABYTE
from flows.preflight import Check, Finding, run_checks
from k8s.cluster import Cluster, connect
from k8s.errors import ClusterError
from k8s.manifests.capacity import capacity

ERRORS = (BlockError, ClusterError, SettingsError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a preflight found: a row for each check, and the release unless there is none."""

    findings: tuple[Finding, ...]
    release: Release | None


def look(spec: ModelSpec, *, store: ObjectStore, registry: ModelRegistry, environment: Settings) -> Outlook:
    """Look at everything that a deploy needs.

    The systems come first: what a system that does not answer holds is not asked for, or one outage would be told
    many times over.
    """
    kept: list[Release | Cluster] = []
    systems = run_checks(_systems(spec, store, registry, environment, kept), errors=ERRORS)
    up = {finding.name for finding in systems if finding.ok}
    asked: list[Check] = []
    if {"object store", "model registry"} <= up:
        asked.append(Check("release", lambda: _release(spec, store, registry, kept)))
    if "cluster" in up:
        cluster = next(each for each in kept if isinstance(each, Cluster))
        asked += cluster_checks.checks(spec, cluster=cluster, environment=environment)
        if isinstance(spec.storage, ClaimStorage):
            asked += volume_checks.checks(spec, spec.storage, cluster=cluster, environment=environment)
    details = run_checks(asked, errors=ERRORS)
    release = next((each for each in kept if isinstance(each, Release)), None)
    rest = [Check("capacity", lambda: _capacity(spec, release))]
    if "cluster" in up:
        rest.insert(0, Check("GPUs", lambda: _room(spec, release, cluster, store, environment)))
    return Outlook(findings=(*systems, *details, *run_checks(rest, errors=ERRORS)), release=release)


def _systems(
    spec: ModelSpec,
    store: ObjectStore,
    registry: ModelRegistry,
    environment: Settings,
    kept: list[Release | Cluster],
) -> list[Check]:
    def bucket_takes() -> str:
        store.client().probe()
        return f"s3://{store.bucket} took a probe object and gave it back"

    def registry_answers() -> str:
        registry.client().ping()
        return f"answers at {registry.address}"

    def cluster_permits() -> str:
        cluster = connect()
        said = cluster_checks.rights(spec, cluster=cluster, environment=environment)
        kept.append(cluster)
        return said

    return [
        Check("object store", bucket_takes),
        Check("model registry", registry_answers),
        Check("cluster", cluster_permits),
    ]


def _release(spec: ModelSpec, store: ObjectStore, registry: ModelRegistry, kept: list[Release | Cluster]) -> str:
    release = find_release(spec, registry=registry.client(), store=store.client())
    kept.append(release)
    manifest = release.manifest
    return (
        f"{spec.registered_model}/{spec.version} from commit {manifest.source.commit[:12]}, manifest "
        f"{manifest.digest()[:12]} in the store and the registry, {manifest.total_bytes() / MEGABYTE:,.1f} MB, "
        f"served by {release.image.rpartition('@')[2][:19]}"
    )


def _room(spec: ModelSpec, release: Release | None, cluster: Cluster, store: ObjectStore, environment: Settings) -> str:
    try:
        return cluster_checks.room(spec, cluster=cluster, environment=environment)
    except NoRoomError:
        if release is None:
            raise
        wanted = wanted_objects(spec, release, environment=environment, bucket=store.bucket)
        if not look_at_service(cluster, wanted=wanted).keeps_pods:
            raise
        return "none is needed: the pods of what is deployed stay"


def _capacity(spec: ModelSpec, release: Release | None) -> str:
    if release is None:
        return f"by the catalog's estimate {capacity(spec).sentence}"
    return capacity(spec, weights_bytes=release.weights_bytes).sentence
