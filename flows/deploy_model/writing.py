"""Puts the receipt of a deploy together from what its tasks returned."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePath

from deployments.spec import ModelSpec
from flows.deploy_model.engine_log import EngineMemory
from flows.deploy_model.fill.filling import FillResult
from flows.deploy_model.receipt import DeployReceipt
from flows.deploy_model.release import Release
from flows.deploy_model.serving import Serving
from flows.deploy_model.smoke import SmokeResult
from flows.runs import this_run


def write_receipt(
    spec: ModelSpec,
    *,
    release: Release,
    serving: Serving,
    smoke: SmokeResult,
    memory: EngineMemory,
    filled: FillResult | None,
    changed: bool,
    registry_url: str,
) -> DeployReceipt:
    """Put a receipt together.

    Args:
        spec: the model.
        release: what was deployed.
        serving: what serves.
        smoke: what it answered.
        memory: what its engine reported.
        filled: what became of the volume.
        changed: whether anything was applied.
        registry_url: the entry's address.
    """
    run = this_run()
    return DeployReceipt(
        model=spec.key,
        registered_model=spec.registered_model,
        version=spec.version,
        manifest_sha256=release.manifest.digest(),
        service=serving.service,
        namespace=serving.namespace,
        url=serving.url,
        revision=serving.revision,
        image=release.image,
        changed=changed,
        load_seconds=serving.load_seconds,
        figures=memory.properties(),
        completion=smoke.completion,
        volume=filled.sentence() if filled else None,
        registry_url=registry_url,
        flow_run_id=run.id,
        flow_run_url=run.url or None,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        replica=f"What it should be is said by {_tail(spec.overlaid_by)}." if spec.overlaid_by else None,
    )


def _tail(path: str) -> str:
    """The last three parts of a path: enough to find the file, without the machine's own folders."""
    return "/".join(PurePath(path).parts[-3:])
