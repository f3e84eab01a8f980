"""The lease in a real store: of two runs one works, and a dead one blocks the next for its time to live at most."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event

import pytest

from blocks.lease import LeaseHeldError, LeaseLostError, acquire, held
from blocks.object_store import StoreClient
from tests.integration.s3_server import S3Server


def test_two_runs_in_turn(store: StoreClient, prefix: str) -> None:
    """A released lease must not make the next run wait for its time to live."""
    for owner in ("one", "two"):
        with held(store, key=prefix + "lease", owner=owner, ttl_seconds=60, wait_seconds=0) as lease:
            lease.confirm()
    assert store.head(prefix + "lease") is None


def test_only_one_of_many_runs_holds_the_lease(store: StoreClient, prefix: str) -> None:
    """The same import twice at once must not write one version twice."""
    inside = threading.Semaphore(1)

    def work(number: int) -> bool:
        with held(store, key=prefix + "lease", owner=f"run {number}", ttl_seconds=60, wait_seconds=30) as lease:
            alone = inside.acquire(blocking=False)
            lease.confirm()
            inside.release()
        return alone

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(work, range(4))) == [True] * 4


def test_whoever_must_wait_is_told_for_whom(store: StoreClient, prefix: str) -> None:
    """An import that is refused without naming the other one sends people to search the cluster."""
    with (
        held(store, key=prefix + "lease", owner="import-quantized-7", ttl_seconds=60),
        pytest.raises(LeaseHeldError, match=r"import-quantized-7 holds .* since 20") as caught,
    ):
        acquire(store, key=prefix + "lease", owner="second", ttl_seconds=60, wait_seconds=0)
    assert caught.value.transient


def test_a_living_holder_is_not_taken_over(store: StoreClient, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import may take an hour; its lease must live as long, not just for its time to live."""
    key, now, seen = prefix + "lease", 0.0, ""

    def renewed(_seconds: float) -> None:
        """Let most of a time to live pass for who waits, with each renewal; a slow machine renews late."""
        nonlocal now, seen
        deadline = time.monotonic() + 60
        while (head := store.head(key)) is None or head.etag == seen:
            assert time.monotonic() < deadline
            time.sleep(0.02)  # a store tells nobody of its changes
        now, seen = now + 50, head.etag

    monkeypatch.setattr("blocks.lease.RENEWALS_PER_TTL", 240)
    with held(store, key=key, owner="long", ttl_seconds=60) as lease:
        with pytest.raises(LeaseHeldError):
            acquire(store, key=key, owner="second", ttl_seconds=60, wait_seconds=300, clock=lambda: now, sleep=renewed)
        lease.confirm()


def _hold(s3: S3Server, key: str, holding: Event) -> None:
    with held(s3.block().client(), key=key, owner="killed", ttl_seconds=2):
        holding.set()
        time.sleep(600)


def test_a_killed_holder_blocks_for_its_time_to_live_only(s3: S3Server, store: StoreClient, prefix: str) -> None:
    """A pod that was evicted releases nothing; its successor must get on without an operator."""
    context = multiprocessing.get_context("spawn")
    holding = context.Event()
    running = context.Process(target=_hold, args=(s3, prefix + "lease", holding))
    running.start()
    assert holding.wait(60)
    with pytest.raises(LeaseHeldError, match="killed"):
        acquire(store, key=prefix + "lease", owner="next", ttl_seconds=60, wait_seconds=0)
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    running.join()
    began = time.monotonic()
    with held(store, key=prefix + "lease", owner="next", ttl_seconds=60, wait_seconds=30) as lease:
        lease.confirm()
    assert 1 < time.monotonic() - began < 30


def test_a_run_that_was_taken_over_may_not_commit(store: StoreClient, prefix: str) -> None:
    """A run that slept through its lease would else publish over its successor."""
    sleeper = acquire(store, key=prefix + "lease", owner="sleeper", ttl_seconds=0.5)
    successor = acquire(store, key=prefix + "lease", owner="successor", ttl_seconds=60, wait_seconds=30)
    with pytest.raises(LeaseLostError):
        sleeper.confirm()
    sleeper.release()
    successor.confirm()
