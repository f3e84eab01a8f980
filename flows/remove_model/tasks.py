"""The removal's tasks: each names, logs and calls."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger

from blocks.lease import Lease
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from deployments.settings import settings
from deployments.spec import ModelSpec
from flows.cosmetic import cosmetic
from flows.deploy_model.history import forget_served
from flows.deploy_model.record import SERVING, STATE, removed_properties
from flows.policies import effect
from flows.remove_model.removal import Removal
from flows.remove_model.removal import take_down as remove
from flows.runs import this_run
from k8s.cluster import connect


@effect("take-down")
def take_down(spec: ModelSpec, *, store: ObjectStore, claim: Lease) -> Removal:
    """Delete the service and wait until its pods are gone; a later deploy that fails shall not bring it back."""
    claim.confirm()
    namespace = settings().namespace
    removal = remove(spec, cluster=connect(), namespace=namespace)
    forget_served(store.client(), namespace=namespace, service=removal.service)
    get_run_logger().info("%s", removal.sentence())
    with cosmetic():
        create_markdown_artifact(
            f"{removal.sentence()}.\n", key=f"removed-{spec.key}", description=f"What remove/{spec.key} freed"
        )
    return removal


@effect("record-removal")
def record_removal(spec: ModelSpec, *, removal: Removal, registry: ModelRegistry) -> None:
    """Tell the registry that the version is not served any more, if it has it."""
    client, version = registry.client(), removal.version or spec.version
    held = client.find_version(spec.registered_model, version)
    # What the registry says decides, not what was there: an earlier run may have been killed just before this.
    if held and held.properties.get(STATE) == SERVING:
        client.merge_properties(spec.registered_model, version, removed_properties(run=this_run()))
