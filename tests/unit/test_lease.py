"""What a lease concludes from clocks and entity tags, with clocks that the test moves."""

from __future__ import annotations

from typing import cast

import pytest

from blocks.errors import RejectedError, UnavailableError
from blocks.lease import Lease, LeaseHeldError, LeaseLostError, acquire
from blocks.object_store import StoreClient
from tests.unit.memory_store import MemoryStore

KEY = "leases/model/version.json"


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """The test's time."""
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    """The test's store."""
    return MemoryStore()


def take(store: MemoryStore, clock: Clock, owner: str = "one", *, ttl: float = 60, wait: float | None = 0) -> Lease:
    """Acquire the lease by the test's time."""
    return acquire(
        cast("StoreClient", store),
        key=KEY,
        owner=owner,
        ttl_seconds=ttl,
        wait_seconds=wait,
        clock=clock,
        sleep=clock.sleep,
    )


def lost_answer(*, after: bool) -> tuple[UnavailableError, bool]:
    """A write whose answer was lost, before or after it took effect."""
    return UnavailableError("object store", "no answer"), after


def test_a_dead_holder_is_taken_over_after_its_time_to_live(store: MemoryStore, clock: Clock) -> None:
    """The waiter's own clock decides, whatever times are written in the lease."""
    take(store, clock, "dead", ttl=60)
    began = clock()
    take(store, clock, "next", ttl=10, wait=100).confirm()
    assert 60 <= clock() - began <= 62


def test_waiting_by_default_outlives_a_dead_holder(store: MemoryStore, clock: Clock) -> None:
    """A run after a kill must not need an operator."""
    take(store, clock, "dead")
    take(store, clock, "next", wait=None).confirm()


def test_a_renewal_begins_the_waiting_anew(store: MemoryStore, clock: Clock) -> None:
    """A holder that renews is alive, however long it has held the lease."""
    holder = take(store, clock, "holder", ttl=60)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        holder.renew()

    with pytest.raises(LeaseHeldError, match="holder"):
        acquire(
            cast("StoreClient", store),
            key=KEY,
            owner="next",
            ttl_seconds=60,
            wait_seconds=300,
            clock=clock,
            sleep=sleep,
        )
    holder.confirm()


def test_a_lease_that_was_not_renewed_in_time_counts_as_lost(store: MemoryStore, clock: Clock) -> None:
    """The holder must stop believing before anybody else may begin."""
    lease = take(store, clock, ttl=60)
    clock.sleep(60)
    with pytest.raises(LeaseLostError, match="could not be renewed for 60 s"):
        lease.confirm()


def test_a_lost_lease_does_not_come_back(store: MemoryStore, clock: Clock) -> None:
    """In between, another run may have come and gone."""
    lease = take(store, clock, ttl=60)
    clock.sleep(60)
    with pytest.raises(LeaseLostError):
        lease.renew()
    clock.now -= 60
    with pytest.raises(LeaseLostError):
        lease.confirm()


def test_a_renewal_counts_from_before_it_was_sent(store: MemoryStore, clock: Clock) -> None:
    """A renewal that took a minute on its way must not count as fresh."""
    lease = take(store, clock, ttl=60)
    store.on_put = lambda: clock.sleep(59)
    lease.renew()
    clock.sleep(1)
    with pytest.raises(LeaseLostError):
        lease.confirm()


def test_a_takeover_is_told_with_the_name_of_the_other(store: MemoryStore, clock: Clock) -> None:
    """The operator wants to know which run published instead."""
    lease = take(store, clock, ttl=1000)
    store.objects.clear()
    take(store, clock, "other")
    with pytest.raises(LeaseLostError, match=r"other took it over.*run it again") as caught:
        lease.confirm()
    assert not caught.value.transient  # a task would ask for it three more times, in vain


def test_a_removed_lease_is_lost(store: MemoryStore, clock: Clock) -> None:
    """Somebody who removes the object by hand lets other runs in."""
    lease = take(store, clock)
    store.objects.clear()
    with pytest.raises(LeaseLostError, match="somebody removed it"):
        lease.confirm()


def test_a_renewal_whose_answer_was_lost_is_still_ours(store: MemoryStore, clock: Clock) -> None:
    """A store that hiccups once must not cost an hour's import."""
    lease = take(store, clock)
    store.failures.append(lost_answer(after=True))
    with pytest.raises(UnavailableError, match="no answer"):
        lease.renew()
    lease.renew()
    lease.confirm()


def test_a_renewal_whose_answer_was_lost_is_written_again(store: MemoryStore, clock: Clock) -> None:
    """Others count from when they first saw it: to adopt it without a new write would let both believe."""
    lease = take(store, clock, ttl=60)
    store.failures.append(lost_answer(after=True))
    with pytest.raises(UnavailableError):
        lease.renew()
    unseen = store.objects[KEY]
    clock.sleep(30)
    lease.renew()
    assert store.objects[KEY] != unseen


def test_a_commit_after_a_lost_answer_is_still_ours(store: MemoryStore, clock: Clock) -> None:
    """The commit may come before the next renewal."""
    lease = take(store, clock)
    store.failures.append(lost_answer(after=True))
    with pytest.raises(UnavailableError):
        lease.renew()
    lease.confirm()


def test_a_failed_renewal_is_tried_again(store: MemoryStore, clock: Clock) -> None:
    """One refused connection is not the end of the lease."""
    lease = take(store, clock)
    store.failures.append(lost_answer(after=False))
    with pytest.raises(UnavailableError):
        lease.renew()
    clock.sleep(30)
    lease.renew()
    clock.sleep(40)
    lease.confirm()


def test_release_removes_only_our_own_lease(store: MemoryStore, clock: Clock) -> None:
    """A late run must not free what its successor holds."""
    lease = take(store, clock)
    store.objects.clear()
    other = take(store, clock, "other")
    lease.release()
    other.confirm()


def test_a_doubtful_lease_is_left_to_expire(store: MemoryStore, clock: Clock) -> None:
    """MinIO ignores conditions on DELETE: ours must not arrive when the lease may be another's."""
    lease = take(store, clock, ttl=60)
    clock.sleep(45)
    lease.release()
    assert KEY in store.objects


def test_a_released_lease_cannot_confirm(store: MemoryStore, clock: Clock) -> None:
    """Code that goes on after its block must not publish."""
    lease = take(store, clock)
    lease.release()
    with pytest.raises(LeaseLostError, match="released"):
        lease.confirm()


def test_something_else_in_its_place_is_told(store: MemoryStore, clock: Clock) -> None:
    """A foreign object under the key must neither be overwritten nor end in a traceback."""
    store.put(KEY, b"no json")
    with pytest.raises(RejectedError, match="is no lease of ours"):
        take(store, clock)
