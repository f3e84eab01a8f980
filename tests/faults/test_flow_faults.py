"""The flow itself under faults: what Prefect's retries add, and a process of its own that is killed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flows.import_model import tasks
from flows.policies import RETRY_DELAYS_SECONDS
from sandbox.hub import Pass, Rule, Slow
from tests.integration.import_site import MODEL, VERSION, Site, official, serving_site
from tests.integration.import_world import World
from tests.integration.s3_server import restartable
from tests.integration.stale_lease import hasten
from tests.integration.test_import_interruptions import HEADERS, LEASE, importing, publish_large, versions

WEIGHTS = "*.safetensors"
FILES_IN_FLIGHT = 3
HEADER_BYTES = 128 << 10


@pytest.fixture
def restarting(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Site, Callable[[], None]]]:
    """A site with a store of its own, and the call that kills that store and starts it again."""
    with (
        restartable(tmp_path) as (s3, restart),
        serving_site(replace(world, s3=s3), folder=tmp_path, patch=monkeypatch) as site,
    ):
        yield site, restart


def test_a_store_that_is_restarted_costs_a_retry(restarting: tuple[Site, Callable[[], None]]) -> None:
    """A node's upgrade in the night would leave the morning without its model."""
    site, restart = restarting
    publish_large(site)
    site.set(SLIPWAY_TRANSFER_PART_MIB="5")
    site.patch.setattr(tasks.transfer_file, "retry_delay_seconds", list(RETRY_DELAYS_SECONDS))
    site.hub.faults.add(Rule(Slow(bytes_per_second=4_000_000), path=WEIGHTS, origin="cdn", skip=HEADERS))
    before = len(site.hub.faults.fired())
    restarted: list[bool] = []
    restarting_store = threading.Thread(
        target=lambda: restarted.append(
            site.hub.faults.wait_until(lambda fired: len(fired) > before, timeout=120) and restart() is None
        )
    )
    restarting_store.start()
    receipt = site.run()
    restarting_store.join()
    assert restarted == [True]
    assert receipt.files_moved == receipt.files_total
    assert site.objects().keys() >= {"manifest.json", "model-00001-of-00004.safetensors"}
    assert site.nothing_left_open()
    assert [entry["name"] for entry in versions(site)] == [VERSION]


@pytest.mark.parametrize("request_number", [1, 4, 7, 11])
def test_a_flow_that_is_killed_is_completed_by_the_next(site: Site, request_number: int) -> None:
    """Whatever moment a node dies at, the next run finishes the job, and registers the version once."""
    publish_large(site)
    # A file has two parts: with two ranges each takes all lanes of a large one, and three are in flight at most.
    site.set(SLIPWAY_TRANSFER_PART_MIB="5", SLIPWAY_TRANSFER_RANGES="2")
    before = len(site.hub.faults.fired())
    site.hub.faults.add(Rule(Pass(), path=WEIGHTS, origin="cdn", times=request_number))
    site.hub.faults.add(Rule(Slow(seconds=600), path=WEIGHTS, origin="cdn"))
    with importing() as process:
        assert site.hub.faults.wait_until(lambda fired: len(fired) - before > request_number, timeout=240)
        process.send_signal(signal.SIGKILL)
    assert "manifest.json" not in site.objects()
    hasten(site.world.s3.block(bucket=site.bucket).client(), key=LEASE)
    site.hub.faults.clear()
    receipt = site.run()
    assert receipt.files_moved
    sizes = sorted((path.stat().st_size for path in (site.folder / "large").glob(WEIGHTS)), reverse=True)
    lost = sum(sizes[:FILES_IN_FLIGHT]) + 2 * HEADER_BYTES * HEADERS
    assert site.weight_bytes() <= sum(sizes) + lost
    assert site.nothing_left_open()
    assert LEASE not in site.objects("")
    assert [entry["name"] for entry in versions(site)] == [VERSION]
    assert official(site).get_model_version(MODEL, VERSION) is not None
