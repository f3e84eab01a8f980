"""Imports that are interrupted, repeated or meet each other: what was done stays, and nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import kubernetes
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from blocks.lease import held
from flows.import_model.receipt import ImportReceipt
from sandbox import replicas
from sandbox.hub.faults import Rule, Slow
from tests.integration.import_site import MODEL, REPO, ROOT, VERSION, Site, official
from tests.integration.import_world import NAMESPACE
from tests.integration.ports import free_port
from tests.integration.stale_lease import hasten

LEASE = f"leases/{MODEL}/{VERSION}.json"
WAIT_SECONDS = 240.0
"""A process takes seconds to start, on a machine that is busy minutes."""
SHARDS = 4
HEADERS = SHARDS + 1
"""Requests of weights before they move: a header of each shard, and the preflight's byte of one."""


def without_writes(app: ASGIApp) -> ASGIApp:
    """A registry that fails whoever wants to write."""

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        answer = app if scope["method"] == "GET" else PlainTextResponse("", 503)
        await answer(scope, receive, send)

    return front


def until(happened: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever came of it
    """Look at a server that tells nobody of its changes, until something is there."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.1)
    raise TimeoutError


def builds(site: Site) -> set[str]:
    """The uids of all build Jobs that began so far, told by events: a Job that succeeded is removed at once."""
    api = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(site.world.kubeconfig)))
    events = api.list_namespaced_event(NAMESPACE).items
    return {event.involved_object.uid for event in events if event.reason == "SuccessfulCreate"}


def test_a_registry_that_is_down_is_found_before_a_byte_moves(site: Site) -> None:
    """Weights that nobody can find in the registry would be moved for an hour."""
    site.set(SLIPWAY_REGISTRY_URL=f"http://127.0.0.1:{free_port()}")
    site.register()
    error = site.refused()
    assert "1 problem before importing quantized: [model registry]" in str(error)
    assert site.objects() == {}
    site.set(SLIPWAY_REGISTRY_URL=site.registry)
    site.register()
    assert site.run().bytes_moved


def test_failure_5_a_registry_that_fails_in_the_end_is_no_success_and_costs_no_byte_again(site: Site) -> None:
    """The error was swallowed, the run was green, and the registry knew nothing (docs/failures.md, row 5)."""
    whole = site.world.slot.app
    assert whole is not None
    site.world.slot.app = without_writes(whole)
    error = site.refused()
    assert "model registry" in str(error)
    assert "manifest.json" in site.objects()  # the weights are whole, and visible as such
    site.world.slot.app = whole
    again = site.run()
    assert again.bytes_moved == 0
    assert official(site).get_model_version(MODEL, VERSION) is not None


def test_the_same_import_twice_at_once_is_done_once(site: Site) -> None:
    """Two runs would abort each other's uploads and register a version twice."""
    with ThreadPoolExecutor(2) as threads:
        receipts: list[ImportReceipt] = list(threads.map(lambda _: site.run(), range(2)))
    assert sorted(receipt.files_moved for receipt in receipts) == [0, receipts[0].files_total]
    assert len({receipt.manifest_sha256 for receipt in receipts}) == 1
    assert len({receipt.registry_version_id for receipt in receipts}) == 1
    assert LEASE not in site.objects("")


def test_whoever_waits_too_long_is_told_the_holders_name(site: Site) -> None:
    """'Try again later' does not say which run to look at, or to cancel."""
    site.set(SLIPWAY_LEASE_SECONDS="2")
    store = site.world.s3.block(bucket=site.bucket).client()
    with held(store, key=LEASE, owner="flow run brave-heron (42)", ttl_seconds=60):
        error = site.refused()
    assert f"flow run brave-heron (42) holds {LEASE}" in str(error)
    assert "`prefect flow-run ls`" in str(error)
    assert site.objects() == {}
    site.set(SLIPWAY_LEASE_SECONDS="60")
    assert site.run().bytes_moved


def test_failure_7_a_branch_that_moved_leaves_the_version_as_it_is(site: Site) -> None:
    """With `main` as provenance nobody could say which bytes a version has (docs/failures.md, row 7)."""
    first = site.run()
    before = site.objects()
    folder = site.copy_of_replica()
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    moved = site.publish(folder)
    again = site.run()
    assert (again.branch_moved_to, again.commit, again.bytes_moved) == (moved, first.commit, 0)
    assert site.objects() == before
    assert f"Branch moved to `{moved}`" in again.markdown()


@pytest.mark.timeout(600)
def test_failure_8_a_killed_import_is_taken_up_where_it_was(site: Site) -> None:
    """There was no resume: every failure cost the whole download again, into a new volume (docs/failures.md, row 8)."""
    publish_large(site)
    site.set(SLIPWAY_TRANSFER_PART_MIB="5")
    site.set(SLIPWAY_IMAGE_REPOSITORY=f"oci:{site.folder}/images")
    site.register()
    # Its header is read at once, its parts would take longer than anything is waited for here.
    site.hub.faults.add(Rule(Slow(bytes_per_second=20_000), path="*model-00003*", origin="cdn", skip=1))
    store = site.s3_client()
    before = builds(site)
    with importing() as process:
        until(lambda: store.list_multipart_uploads(Bucket=site.bucket).get("Uploads"))
        done = until(lambda: [name for name in site.objects() if name == f"model-00001-of-{SHARDS:05}.safetensors"])
        until(lambda: builds(site) - before)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "manifest.json" not in site.objects()
    hasten(site.world.s3.block(bucket=site.bucket).client(), key=LEASE)
    site.hub.faults.clear()
    receipt = site.run()
    assert receipt.files_moved < receipt.files_total
    assert done[0] in site.objects()
    assert site.nothing_left_open()
    assert len(builds(site) - before) == 1  # the running Job was adopted, or its image found
    assert [entry["name"] for entry in versions(site)] == [VERSION]


@pytest.mark.timeout(600)
def test_a_cancelled_import_stops_within_seconds_and_leaves_nothing_open(site: Site) -> None:
    """Prefect kills half a minute after its SIGTERM: a slow Hub kept the transfers, their uploads and the lease."""
    publish_large(site)
    site.set(SLIPWAY_TRANSFER_PART_MIB="5")
    # A part would take a quarter of an hour: who waits for it fails here, however slow the machine is.
    site.hub.faults.add(Rule(Slow(bytes_per_second=5_000), path="*.safetensors", origin="cdn", skip=HEADERS))
    store = site.s3_client()
    with importing() as process:
        until(lambda: store.list_multipart_uploads(Bucket=site.bucket).get("Uploads"))
        process.send_signal(signal.SIGTERM)
        until(lambda: site.nothing_left_open() and LEASE not in site.objects(""))
    assert site.nothing_half_written()
    site.hub.faults.clear()
    assert site.run().files_moved


def importing() -> subprocess.Popen[bytes]:
    """An import in a process of its own."""
    command = [sys.executable, "-c", "from flows.import_model.flow import import_model; import_model('quantized')"]
    return subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL)


def publish_large(site: Site) -> None:
    """Publish a replica of several parts a file, and an overlay that declares its size."""
    folder = site.folder / "large"
    replicas.build("quantized", folder, size_bytes=36 << 20, shards=SHARDS)
    site.publish(folder, REPO)
    overlay = site.folder / "overlay"
    overlay.mkdir()
    declared = (ROOT / "sandbox" / "models" / "quantized.yaml").read_text()
    count = replicas.identity(folder)["parameters"]
    (overlay / "quantized.yaml").write_text(declared.replace("parameters: 951_168", f"parameters: {count}"))
    site.set(SLIPWAY_CATALOG_OVERLAY=str(overlay))


def versions(site: Site) -> list[dict[str, Any]]:
    """All versions that the registry lists, of whichever model."""
    answer = httpx.get(f"{site.registry}/api/model_registry/v1alpha3/model_versions").raise_for_status()
    found: list[dict[str, Any]] = answer.json()["items"]
    return found
