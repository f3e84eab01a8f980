"""Reads what each system says of a model; a system that does not answer is a fact too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from blocks.errors import BlockError, NotFoundError
from blocks.hub import ModelHub
from blocks.hub_files import HubRevision
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from blocks.registry_entries import RegisteredVersion
from blocks.served_model import ServedModel
from deployments.settings import Settings
from deployments.spec import ModelSpec
from flows.check_model.archive import latest_run, read_record
from flows.check_model.record import CheckRecord
from flows.deploy_model.serving import Serving, read_serving
from flows.deploy_model.smoke import SmokeResult, smoke_test
from flows.import_model.manifest import Manifest
from flows.import_model.stock import read_manifest
from flows.verify_model.rehash import StoredVersion
from k8s.cluster import connect
from k8s.errors import ClusterError
from k8s.fields import condition

_SERVICE = "serving.kserve.io/v1beta1", "InferenceService"
_POD_LABEL = "serving.kserve.io/inferenceservice"

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[T]):
    """What a system said: a value, None for nothing, or why it could not be asked."""

    value: T | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the Hub says of a version's source.

    Attributes:
        recorded: the commit that the manifest records, as the Hub has it now; None if it has it no more.
        branch_commit: the commit that the spec's revision names now; None where the spec names a commit.
    """

    recorded: HubRevision | None
    branch_commit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What all systems say of one model.

    Attributes:
        manifest: the version's manifest in the store.
        stored: the objects that the store holds of it.
        source: what the Hub says of its commit.
        version: the registry's entry.
        service: the InferenceService as the cluster has it.
        serving: where it is and what it runs; nothing unless it is ready.
        models: the ids that it answers to.
        smoke: what it completed and scored.
        test: the last test that was published.
    """

    manifest: Answer[Manifest]
    stored: Answer[StoredVersion]
    source: Answer[Source]
    version: Answer[RegisteredVersion]
    service: Answer[Json]
    serving: Answer[Serving]
    models: Answer[tuple[str, ...]]
    smoke: Answer[SmokeResult]
    test: Answer[CheckRecord]


def read_facts(
    spec: ModelSpec,
    *,
    stored: Answer[StoredVersion],
    hub: ModelHub,
    store: ObjectStore,
    registry: ModelRegistry,
    environment: Settings,
) -> Facts:
    """Ask every system; nothing is changed.

    Args:
        spec: the model.
        stored: what the store was found to hold.
        hub: where it came from.
        store: where its bytes are.
        registry: where its version is.
        environment: where it is served.
    """
    name = spec.serving.inference_service
    service = ask(lambda: connect().get(*_SERVICE, name, namespace=environment.namespace))
    serving = ask(lambda: _serving(service.value, environment.namespace))
    models, smoke = Answer[tuple[str, ...]](), Answer[SmokeResult]()
    if serving.value is not None:
        served = ServedModel(serving.value.address)
        models = ask(served.models)
        smoke = ask(lambda: smoke_test(served, name=name)) if models.value else smoke
    manifest = ask(lambda: read_manifest(store.client(), prefix=spec.prefix))
    version = ask(lambda: registry.client().find_version(spec.registered_model, spec.version))
    return Facts(
        manifest=manifest,
        stored=stored,
        source=ask(lambda: _source(spec, manifest.value, hub=hub)),
        version=version,
        service=service,
        serving=serving,
        models=models,
        smoke=smoke,
        test=ask(lambda: _last_test(version.value, store=store)),
    )


def _source(spec: ModelSpec, manifest: Manifest | None, *, hub: ModelHub) -> Source | None:
    if manifest is None:
        return None
    client, recorded = hub.client(), manifest.source
    moving = recorded.repo == spec.source.repo and not spec.source.is_pinned
    try:
        held = client.resolve(recorded.repo, revision=recorded.commit)
    except NotFoundError:
        held = None
    return Source(
        recorded=held,
        branch_commit=client.resolve(spec.source.repo, revision=spec.source.revision).commit if moving else None,
    )


def _last_test(version: RegisteredVersion | None, *, store: ObjectStore) -> CheckRecord | None:
    run = latest_run(version) if version else None
    if version is None or run is None:
        return None
    return read_record(store.client(), registered_model=version.model, version=version.version, run=run)


def _serving(service: Json | None, namespace: str) -> Serving | None:
    if service is None or condition(service, "Ready") is None:
        return None
    labels = f"{_POD_LABEL}={service['metadata']['name']}"
    pods = connect().objects("v1", "Pod", namespace=namespace, labels=labels)
    return read_serving(service, [pod for pod in pods if condition(pod, "Ready") is not None])


def ask(question: Callable[[], T | None]) -> Answer[T]:
    """Ask one system; what it fails with is its answer."""
    try:
        return Answer(value=question())
    except (BlockError, ClusterError) as error:
        return Answer(problem=str(error))
