"""Reads what each system says of a model; a system that does not answer is a fact too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from blocks.errors import BlockError
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from blocks.registry_entries import RegisteredVersion
from blocks.served_model import ServedModel
from deployments.settings import Settings
from deployments.spec import ModelSpec
from flows.deploy_model.serving import Serving, read_serving
from flows.deploy_model.smoke import SmokeResult, smoke_test
from flows.import_model.manifest import Manifest
from flows.import_model.stock import read_manifest
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
class Facts:
    """What all systems say of one model.

    Attributes:
        manifest: the version's manifest in the store.
        version: the registry's entry.
        service: the InferenceService as the cluster has it.
        serving: where it is and what it runs; nothing unless it is ready.
        models: the ids that it answers to.
        smoke: what it completed and scored.
    """

    manifest: Answer[Manifest]
    version: Answer[RegisteredVersion]
    service: Answer[Json]
    serving: Answer[Serving]
    models: Answer[tuple[str, ...]]
    smoke: Answer[SmokeResult]


def read_facts(spec: ModelSpec, *, store: ObjectStore, registry: ModelRegistry, environment: Settings) -> Facts:
    """Ask every system; nothing is changed.

    Args:
        spec: the model.
        store: where its bytes are.
        registry: where its version is.
        environment: where it is served.
    """
    name = spec.serving.inference_service
    service = _ask(lambda: connect().get(*_SERVICE, name, namespace=environment.namespace))
    serving = _ask(lambda: _serving(service.value, environment.namespace))
    models, smoke = Answer[tuple[str, ...]](), Answer[SmokeResult]()
    if serving.value is not None:
        bundle = str(environment.ca_bundle) if environment.ca_bundle else None
        served = ServedModel(serving.value.address, ca_bundle=bundle)
        models = _ask(served.models)
        smoke = _ask(lambda: smoke_test(served, name=name)) if models.value else smoke
    return Facts(
        manifest=_ask(lambda: read_manifest(store.client(), prefix=spec.prefix)),
        version=_ask(lambda: registry.client().find_version(spec.registered_model, spec.version)),
        service=service,
        serving=serving,
        models=models,
        smoke=smoke,
    )


def _serving(service: Json | None, namespace: str) -> Serving | None:
    if service is None or condition(service, "Ready") is None:
        return None
    labels = f"{_POD_LABEL}={service['metadata']['name']}"
    pods = connect().objects("v1", "Pod", namespace=namespace, labels=labels)
    return read_serving(service, [pod for pod in pods if condition(pod, "Ready") is not None])


def _ask(question: Callable[[], T | None]) -> Answer[T]:
    try:
        return Answer(value=question())
    except (BlockError, ClusterError) as error:
        return Answer(problem=str(error))
