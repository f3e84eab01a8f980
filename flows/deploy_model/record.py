"""What the registry is told of a service that answered: pure."""

from __future__ import annotations

from blocks.registry_entries import Property
from flows.deploy_model.engine_log import EngineMemory
from flows.deploy_model.release import Release
from flows.deploy_model.serving import Serving
from flows.runs import Run

STATE = "inference_service_state"
SERVING, REMOVED = "serving", "removed"


def serving_properties(serving: Serving, *, release: Release, memory: EngineMemory, run: Run) -> dict[str, Property]:
    """Describe a service for the registry's version; what is unknown is left out, never 0."""
    known: dict[str, Property] = {
        "inference_service": serving.service,
        "inference_service_namespace": serving.namespace,
        "inference_service_revision": serving.revision,
        "inference_service_url": serving.url,
        STATE: SERVING,
        "serving_image": release.image,
        "serving_manifest_sha256": release.manifest.digest(),
        "deploy_flow_run_id": run.id,
        "deploy_flow_run_url": run.url,
        **memory.properties(),
    }
    if serving.image_id:
        known["serving_image_id"] = serving.image_id
    if serving.load_seconds is not None:
        known["load_seconds"] = serving.load_seconds
    return known


def removed_properties(*, run: Run) -> dict[str, Property]:
    """Describe a version that was taken down."""
    return {STATE: REMOVED, "remove_flow_run_id": run.id, "remove_flow_run_url": run.url}
