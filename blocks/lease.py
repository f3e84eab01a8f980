"""A lease in the object store: of all the runs that would write one version, one may, until it ends or is dead.

The clocks of two machines differ, so no time that one wrote is compared with another's. Who waits watches the lease
object: if it has not changed for its whole time to live by the waiter's own clock, its holder is dead. Who holds
renews it three times as often, and counts from before each renewal was sent, so that it stops believing first.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blocks.errors import BlockError, NotFoundError, PreconditionFailedError, UnavailableError
from blocks.lease_record import RECORD_LIMIT_BYTES, LeaseHeldError, LeaseLostError, Record

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

__all__ = ["Lease", "LeaseHeldError", "LeaseLostError", "acquire", "held"]

log = logging.getLogger(__name__)

RENEWALS_PER_TTL = 3
POLL_SECONDS = 1.0


class Lease:
    """A lease that was acquired, and whether it is still ours. Safe to share between threads.

    Args:
        store: where the lease object is.
        key: the lease object.
        record: what we wrote into it.
        etag: its entity tag.
        since: by `clock`, before our last successful write was sent.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        store: StoreClient,
        *,
        key: str,
        record: Record,
        etag: str,
        since: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = key
        self._store, self._record, self._etag, self._since, self._clock = store, record, etag, since, clock
        self._lost: str | None = None
        self._lock = threading.RLock()

    @property
    def owner(self) -> str:
        """The name that other runs are told."""
        return self._record.owner

    def renew(self) -> None:
        """Write the lease anew, so that its time to live begins again.

        Raises:
            LeaseLostError: another run has taken it over.
            UnavailableError: the store does not answer; the lease lives on until its time is over.
        """
        with self._lock:
            self._check()
            began = self._clock()
            try:
                self._write()
            except (PreconditionFailedError, NotFoundError):
                self._recover()
                self._write()
            self._since = began

    def confirm(self) -> None:
        """Prove that the lease is ours now. Call it before each step that makes something visible.

        Raises:
            LeaseLostError: it is not, or its last renewal is too long ago to be sure.
            UnavailableError: the store does not answer.
        """
        with self._lock:
            self._check()
            head = self._store.head(self.key)
            if head is None or head.etag != self._etag:
                self._recover()
            self._check()

    def release(self) -> None:
        """Give the lease up, if it is provably ours; a lost or doubtful one is left to whom it belongs."""
        with self._lock:
            # The margin is for stores that ignore conditions on DELETE: ours arrives while nobody may take over.
            if self._lost is None and self._clock() - self._since < self._record.ttl_seconds / 2:
                self._store.delete_if(self.key, etag=self._etag)
            self._lost = self._lost or "it was released"

    def _check(self) -> None:
        if self._lost is None and self._clock() - self._since >= self._record.ttl_seconds:
            self._lost = f"it could not be renewed for {self._record.ttl_seconds:g} s"
        if self._lost:
            raise LeaseLostError(key=self.key, reason=self._lost)

    def _write(self) -> None:
        record = replace(self._record, renewals=self._record.renewals + 1)
        etag = self._store.put(self.key, record.encode(), content_type="application/json", if_match=self._etag)
        self._record, self._etag = record, etag

    def _recover(self) -> None:
        """Tell a takeover from a renewal of our own whose answer was lost, and go on from that one.

        It does not count as fresh: others may have seen it for as long as we did not know of it.
        """
        try:
            content, etag = self._store.get(self.key, limit_bytes=RECORD_LIMIT_BYTES)
            found = Record.decode(content, key=self.key)
        except NotFoundError:
            self._lost = "somebody removed it"
        else:
            if found.token == self._record.token:
                self._record, self._etag = found, etag
                return
            self._lost = f"{found.owner} took it over"
        raise LeaseLostError(key=self.key, reason=self._lost)


def acquire(
    store: StoreClient,
    *,
    key: str,
    owner: str,
    ttl_seconds: float,
    wait_seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Lease:
    """Acquire a lease, waiting for its holder to end or to be found dead.

    Args:
        store: where the lease object is.
        key: the lease object.
        owner: our name, for whoever has to wait for us.
        ttl_seconds: how long after our last renewal others may take over. A killed holder blocks for no longer.
        wait_seconds: how long to wait for a holder; None for just long enough to find it dead.
        clock: monotonic seconds.
        sleep: waits.

    Raises:
        LeaseHeldError: its holder is alive.
    """
    deadline = clock() + (wait_seconds if wait_seconds is not None else 1.5 * ttl_seconds)
    record = Record(owner, uuid.uuid4().hex, ttl_seconds, datetime.now(UTC).isoformat(timespec="seconds"))
    watched, unchanged_since = None, clock()
    while True:
        now = clock()
        try:
            found, etag = _read(store, key)
            if etag != watched:
                watched, unchanged_since = etag, now
            if found is not None and etag is not None and found.token == record.token:
                # Our own write, whose answer was lost.
                return Lease(store, key=key, record=record, etag=etag, since=unchanged_since, clock=clock)
            if found is None or now - unchanged_since >= found.ttl_seconds:
                written = store.put(
                    key, record.encode(), content_type="application/json", if_absent=found is None, if_match=etag
                )
                return Lease(store, key=key, record=record, etag=written, since=now, clock=clock)
        except (PreconditionFailedError, NotFoundError) as error:
            log.debug("somebody was faster to take %s: %s", key, error)
        except UnavailableError:
            # A store that is away for a moment has not given the version to somebody else.
            if clock() >= deadline:
                raise
        if now >= deadline:
            holder = found or Record("another run", "", ttl_seconds, "a moment ago")
            raise LeaseHeldError(key=key, owner=holder.owner, since=holder.since)
        sleep(min(POLL_SECONDS, ttl_seconds / 4, deadline - now))


@contextmanager
def held(
    store: StoreClient, *, key: str, owner: str, ttl_seconds: float, wait_seconds: float | None = None
) -> Iterator[Lease]:
    """Hold a lease for a block of code, renewed by a thread of its own; arguments and errors as `acquire`."""
    lease = acquire(store, key=key, owner=owner, ttl_seconds=ttl_seconds, wait_seconds=wait_seconds)
    ended = threading.Event()
    renewing = threading.Thread(target=_keep, args=(lease, ttl_seconds, ended), name=f"lease-{key}", daemon=True)
    renewing.start()
    try:
        yield lease
    finally:
        ended.set()
        renewing.join()
        try:
            lease.release()
        except BlockError as error:
            log.warning("the lease %s was not removed and ends in %g s by itself: %s", key, ttl_seconds, error)


def _keep(lease: Lease, ttl_seconds: float, ended: threading.Event) -> None:
    """Renew until the end; a store that is away for a moment is asked again, a lost lease is told by `confirm`."""
    while not ended.wait(ttl_seconds / RENEWALS_PER_TTL):
        try:
            lease.renew()
        except LeaseLostError as error:
            log.warning("%s", error)
            return
        except BlockError as error:
            log.warning("the lease %s was not renewed this time: %s", lease.key, error)


def _read(store: StoreClient, key: str) -> tuple[Record | None, str | None]:
    try:
        content, etag = store.get(key, limit_bytes=RECORD_LIMIT_BYTES)
    except NotFoundError:
        return None, None
    return Record.decode(content, key=key), etag
