"""Imports that are killed at random requests to the Hub or the store, twenty times: the next run completes each."""

from __future__ import annotations

import random
from functools import partial

import pytest

from sandbox.hub import Rule, Slow
from tests.integration.bare_import import OPTIONS, Road
from tests.integration.s3_troubles import Silence

HUB_REQUESTS, STORE_REQUESTS = 30, 45
"""Fewer than an import makes, so that each kill comes before its end."""
HEADER_BYTES = 128 << 10
FOR_EVER = 600.0


@pytest.mark.parametrize("seed", range(14))
def test_a_kill_at_a_request_to_the_store_is_mended_by_the_next_run(road: Road, seed: int) -> None:
    """Half a model would be served, or the bucket would fill with uploads that no listing shows."""
    dice = random.Random(seed)  # noqa: S311 - picks a request
    road.proxy.troubles.add(Silence(FOR_EVER, done=dice.random() < 0.5), skip=dice.randrange(STORE_REQUESTS))
    road.kill_when(lambda: road.proxy.troubles.wait_until(bool))
    _is_mended(road)


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_at_a_request_to_the_hub_is_mended_by_the_next_run(road: Road, seed: int) -> None:
    """A pod is evicted while it waits for the Hub, which is most of its time."""
    dice = random.Random(seed)  # noqa: S311 - picks a request
    road.hub.faults.add(Rule(Slow(seconds=FOR_EVER), skip=dice.randrange(HUB_REQUESTS), times=1))
    road.kill_when(partial(road.hub.faults.wait_until, bool, timeout=60))
    _is_mended(road)


def _is_mended(road: Road) -> None:
    assert road.holds_only_whole_files()
    road.run()
    assert road.is_complete()
    sizes = sorted((path.stat().st_size for path in road.folder.glob("*.safetensors")), reverse=True)
    lost = sum(sizes[: OPTIONS.files + 1]) + 2 * HEADER_BYTES * len(sizes)
    assert road.hub.log.sent("*.safetensors", origin="cdn") <= sum(sizes) + lost
