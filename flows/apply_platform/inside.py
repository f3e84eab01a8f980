"""Runs in a pod of the platform: makes the work pool and the blocks, then tries each system as a flow run would.

`python -m flows.apply_platform.inside` writes its findings to the file that TERMINATION_LOG names, at most 4 KiB: the
cluster keeps no more of a pod's last word.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from blocks.errors import BlockError, RejectedError, UnavailableError
from blocks.loading import DOCUMENT, load_registry, load_store, notification_document
from blocks.object_store_exposure import exposure
from blocks.register import documents, read_endpoints
from flows.apply_platform.findings import write_findings
from flows.automations.applying import apply_automations
from flows.automations.definitions import automations
from flows.preflight import Check, run_checks

POOL = "slipway"
T = TypeVar("T")

_POOL_TYPE = "kubernetes"
_WORKER_SECONDS = 90.0
_WORKER_PAUSE_SECONDS = 2.0
_SYSTEM = "Prefect"


class OpenBucketError(RejectedError):
    """The bucket is not as closed, or not as careful, as it must be."""

    def __init__(self, *, bucket: str, what: str, command: str) -> None:
        super().__init__(
            "object store",
            f"bucket {bucket} {what}. Run the bucket's Job again, which mends it: {command}",
        )


class NoWorkerError(RejectedError):
    """No worker polls the pool."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__(
            _SYSTEM,
            f"no worker of the pool {POOL} came online within {seconds:.0f} s. "
            "Read its log: kubectl logs deployment/prefect-worker -n private-ai-demo",
        )


class OpenServerError(RejectedError):
    """The server answers whoever asks."""

    def __init__(self, *, address: str) -> None:
        super().__init__(
            _SYSTEM,
            f"{address} answers without its auth string: whoever reaches it can run anything. "
            "Set PREFECT_SERVER_API_AUTH_STRING: kubectl get deployment prefect-server -n private-ai-demo -o yaml",
        )


def main() -> int:
    """Look, and say what was found; 0 also where something is wrong: the finding says so."""
    checks = [
        Check("Prefect", _prefect_answers),
        Check("object store", _bucket_takes),
        Check("bucket closed", _bucket_is_closed),
        Check("model registry", _registry_answers),
    ]
    errors = (BlockError,)
    # What is asked later is made first: the pool that the worker polls, and the blocks that tell where the others are.
    made = run_checks([Check("work pool", _pool_is_made), Check("blocks", _blocks_are_made)], errors=errors)
    acting = run_checks([Check("automations", _automations_are_made)], errors=errors)  # they name a block's document
    findings = (*made, *acting, *run_checks([*checks, Check("worker", _worker_is_online)], errors=errors))
    for finding in findings:
        sys.stdout.write(f"{'ok' if finding.ok else 'PROBLEM'} {finding.name}: {finding.detail}\n")
    Path(os.environ["TERMINATION_LOG"]).write_text(write_findings(findings))
    return 0


def _pool_is_made() -> str:
    template = json.loads(resources.files("deployments").joinpath("work-pool.json").read_text())
    return _asking(lambda client: _pool(client, template))


def _pool(client: SyncPrefectClient, template: dict[str, Any]) -> str:
    try:
        pool = client.read_work_pool(POOL)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=POOL, type=_POOL_TYPE, base_job_template=template))
        return f"made the pool {POOL} from deployments/work-pool.json"
    if pool.base_job_template == template:
        return f"the pool {POOL} is as deployments/work-pool.json says"
    client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
    return f"the pool {POOL} was brought to what deployments/work-pool.json says"


def _blocks_are_made() -> str:
    blocks = documents(read_endpoints())

    def save(_: SyncPrefectClient) -> str:
        for block in blocks:
            block.save(DOCUMENT, overwrite=True)
        return f"{len(blocks)} block documents tell where everything is"

    return _asking(save)


def _automations_are_made() -> str:
    return "; ".join(apply_automations(automations(notification=notification_document())))


def _prefect_answers() -> str:
    version = _asking(lambda client: client.api_version())
    address = os.environ["PREFECT_API_URL"]
    try:
        unasked = httpx.post(f"{address}/flows/filter", json={"limit": 1}, timeout=10)
    except httpx.HTTPError as error:
        raise UnavailableError(_SYSTEM, f"{address} does not answer ({error}). Look: kubectl get pods -A") from error
    if os.environ.get("PREFECT_API_AUTH_STRING") and unasked.status_code == httpx.codes.OK:
        raise OpenServerError(address=address)
    return f"Prefect {version} answers, and only with its auth string"


def _worker_is_online() -> str:
    deadline = time.monotonic() + _WORKER_SECONDS
    while True:
        workers = _asking(lambda client: client.read_workers_for_work_pool(POOL))
        online = [worker.name for worker in workers if worker.status == "ONLINE"]
        if online:
            return f"{', '.join(online)} polls the pool {POOL}"
        if time.monotonic() >= deadline:
            raise NoWorkerError(seconds=_WORKER_SECONDS)
        time.sleep(_WORKER_PAUSE_SECONDS)  # heartbeats cannot be watched


def _bucket_takes() -> str:
    store = load_store()
    store.client().probe()
    return f"s3://{store.bucket} took a probe object and gave it back"


def _bucket_is_closed() -> str:
    store = load_store()
    found = exposure(store)
    command = "kubectl delete job minio-bucket -n model-storage; python -m flows.apply_platform"
    if found.strangers_may:
        what = f"lets anyone {' and '.join(found.strangers_may)}, without credentials"
        raise OpenBucketError(bucket=store.bucket, what=what, command=command)
    if not found.versioned:
        raise OpenBucketError(bucket=store.bucket, what="keeps no versions", command=command)
    return f"s3://{store.bucket} is versioned, and refuses whoever has no key"


def _registry_answers() -> str:
    registry = load_registry()
    registry.client().ping()
    return f"answers at {registry.address}"


def _asking(ask: Callable[[SyncPrefectClient], T]) -> T:
    address = os.environ.get("PREFECT_API_URL", "")
    try:
        with get_client(sync_client=True) as client:
            return ask(client)
    except httpx.HTTPStatusError as error:
        raise RejectedError(
            _SYSTEM,
            f"{address} answers {error.response.status_code}. Compare its auth string with the Secret: "
            "kubectl describe secret prefect-api-auth -n private-ai-demo",
        ) from error
    except httpx.HTTPError as error:
        raise UnavailableError(
            _SYSTEM, f"{address} does not answer ({error}). Look: kubectl get pods -n private-ai-demo"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
