"""What goes wrong between a Hub and a store: each fault is either survived, or leaves nothing visible."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from blocks.errors import AccessDeniedError, IntegrityError, RejectedError, UnavailableError
from blocks.hub_ranges import CHUNK_BYTES
from flows.import_model.transfer import abort_leftovers
from sandbox.hub import Corrupt, Drop, Effect, Expire, IgnoreRange, Rule, Slow, Stall, Status, Truncate
from tests.integration.s3_server import S3Server
from tests.integration.transfer_lane import CONFIG, HASTE_SECONDS, MIB, PARTS, WEIGHTS, Lane, asking


@pytest.mark.parametrize(
    "effect",
    [
        Drop(after=2 * MIB),
        Drop(after=2 * MIB, reset=False),
        Drop(after=None),
        Truncate(after=2 * MIB),
        Status(503),
        Status(429, retry_after=1),
        Status(403),
    ],
    ids=repr,
)
def test_a_broken_read_goes_on_where_it_broke(effect: Effect, lane: Lane) -> None:
    """Without resuming, one dropped connection in an hour costs the hour."""
    lane.server.faults.add(Rule(effect, path=f"*{WEIGHTS}", origin="cdn", skip=1, times=1))
    file = lane.file()
    done = lane.move()
    assert len(lane.server.faults.fired()) == 1
    assert done.sha256 == file.sha256
    received = lane.server.log.sent(origin="cdn")
    assert received < file.size + 5 * MIB


def test_a_silent_connection_is_made_anew(lane: Lane) -> None:
    """A connection that died without a word held an import until somebody looked."""
    lane.server.faults.add(Rule(Stall(seconds=600, after=2 * MIB), path=f"*{WEIGHTS}", origin="cdn", skip=1, times=1))
    assert lane.asks_with(stall_seconds=HASTE_SECONDS).move().sha256 == lane.file().sha256
    assert len(lane.server.faults.fired()) == 1


def test_an_expired_signed_url_is_asked_for_again(lane: Lane) -> None:
    """Signed URLs live for an hour or less, a 47 GB import for longer."""
    lane.server.faults.add(Rule(Expire(), path=f"*{WEIGHTS}", origin="cdn", skip=2, times=1))
    assert lane.move().sha256 == lane.file().sha256
    assert len(lane.server.log.entries("*/resolve/*")) == 2


def test_a_range_that_still_got_through_does_not_bring_back_an_expired_url(lane: Lane) -> None:
    """Each such range cost the others an attempt, of which a read has few."""
    lane.server.faults.add(
        Rule(Slow(seconds=0.2), path=f"*{WEIGHTS}", origin="cdn", skip=1, times=1),
        Rule(Expire(), path=f"*{WEIGHTS}", origin="cdn", skip=1, times=1),
    )
    assert lane.move().sha256 == lane.file().sha256
    assert len(lane.server.log.entries("*/resolve/*")) == 2


def test_a_signed_url_is_shared_by_all_ranges(lane: Lane) -> None:
    """The Hub limits the rate of resolve requests; one a range would meet that limit."""
    lane.move()
    assert len(lane.server.log.entries("*/resolve/*")) == 1


@pytest.mark.parametrize("path", [WEIGHTS, CONFIG])
def test_corrupt_bytes_become_visible_nowhere(path: str, lane: Lane) -> None:
    """The version before this one compared no checksum with the Hub's: its verification listed ten names."""
    lane.server.faults.add(Rule(Corrupt(offset=10), path=f"*{path}"))
    file = lane.file(path)
    with pytest.raises(IntegrityError, match=rf"{path} has .*the Hub declares {file.sha256 or file.blob_id}"):
        lane.move(path)
    assert lane.is_clean()


def test_an_import_completes_once_the_corruption_is_mended(lane: Lane) -> None:
    """A refused file must not stand in the way of its good copy."""
    lane.server.faults.add(Rule(Corrupt(offset=10), path=f"*{WEIGHTS}"))
    with pytest.raises(IntegrityError):
        lane.move()
    lane.server.faults.clear()
    assert lane.move().sha256 == lane.file().sha256


def test_a_hub_that_stays_away_is_given_up_and_leaves_nothing(lane: Lane) -> None:
    """A task that tried the file again would begin it anew, and multiply the attempts that were made."""
    lane.server.faults.add(Rule(Drop(after=None), path=f"*{WEIGHTS}", origin="cdn", skip=2))
    with pytest.raises(UnavailableError, match=r"gave no byte in 3 attempts: .* cannot be reached") as caught:
        lane.move()
    assert not caught.value.transient
    assert lane.is_clean()


def test_a_silent_hub_is_asked_for_all_ranges_at_once(lane: Lane) -> None:
    """One range after the other waited for a stall's time: a silent Hub held an import four times as long."""
    lane.server.faults.add(Rule(Slow(seconds=60), path=f"*{WEIGHTS}", origin="hub"))
    with pytest.raises(UnavailableError, match="gave no byte in 3 attempts"):
        lane.asks_with(stall_seconds=HASTE_SECONDS).move()
    # Three attempts, and perhaps some that began too late to share another's; one by one they were seven.
    assert len(lane.server.log.entries("*/resolve/*", settle=0)) <= 5
    assert lane.is_clean()


def test_a_hub_that_trickles_is_given_up_as_a_silent_one(lane: Lane) -> None:
    """One byte a minute is no silence: an import hung for days, and held its lease."""
    lane.server.faults.add(Rule(Slow(bytes_per_second=20), path=f"*{WEIGHTS}", origin="cdn"))
    with pytest.raises(
        UnavailableError, match=r"gave no byte in 3 attempts: http://.* \(less than 262,144 bytes came in 0.5 s\)"
    ):
        lane.asks_with(stall_seconds=HASTE_SECONDS).move()
    assert lane.is_clean()


def test_a_hub_that_trickles_once_costs_a_new_connection(lane: Lane) -> None:
    """Of a thousand hosts behind one name, one is sick: the next connection reaches another."""
    lane.server.faults.add(Rule(Slow(bytes_per_second=20), path=f"*{WEIGHTS}", origin="cdn", skip=1, times=1))
    assert lane.asks_with(stall_seconds=HASTE_SECONDS).move().sha256 == lane.file().sha256


def test_a_slow_line_that_gives_its_chunks_in_time_is_borne(lane: Lane) -> None:
    """Whoever has a line of 1 Mbit/s waits for days, but gets the model."""
    lane.server.faults.add(Rule(Slow(bytes_per_second=6 * CHUNK_BYTES), path=f"*{WEIGHTS}", origin="cdn"))
    patient = lane.asks_with(stall_seconds=2)  # less than a part takes, and twelve times what a chunk does
    assert patient.move().sha256 == lane.file().sha256
    assert len(lane.server.log.entries(f"*{WEIGHTS}", origin="cdn")) == PARTS


def test_a_host_without_ranges_is_refused(lane: Lane) -> None:
    """Reading the whole file for each range would move it four times, and then be wrong."""
    lane.server.faults.add(Rule(IgnoreRange(), path=f"*{WEIGHTS}", origin="cdn"))
    with pytest.raises(RejectedError, match="a whole file to a request for a range"):
        lane.move()
    assert lane.is_clean()


def test_a_revoked_token_ends_the_transfer_at_once(lane: Lane) -> None:
    """A refused token is not mended by trying again, and must not be shown."""
    with pytest.raises(AccessDeniedError, match=r"the token in \$HF_TOKEN is not accepted") as caught:
        lane.asks_with("hf_revoked").move()
    assert "revoked" not in str(caught.value)
    assert lane.is_clean()


def test_signed_urls_that_are_refused_fresh_are_given_up(lane: Lane) -> None:
    """A wrong clock refuses every signed URL; asking for new ones for ever would hang the import."""
    lane.server.faults.add(Rule(Expire(), path=f"*{WEIGHTS}", origin="hub"))
    with pytest.raises(AccessDeniedError, match="refuses fresh signed URLs") as caught:
        lane.move()
    assert "Signature" not in str(caught.value)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as a terminal has it: parallel runners of tests ignore it in their workers."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_a_stalled_transfer_at_once(lane: Lane) -> None:
    """Whoever cancels a run waits for it; a minute of silence must not make it a minute."""
    lane.server.faults.add(Rule(Stall(seconds=60, after=MIB), path=f"*{WEIGHTS}", origin="cdn", skip=1))

    def interrupt() -> None:
        lane.server.faults.wait_until(lambda fired: len(fired) >= 2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        lane.move()
    assert lane.is_clean()


def _transfer(endpoint: str, s3: S3Server, prefix: str) -> None:
    asking(endpoint, s3.block().client(), prefix).move()


def test_a_killed_run_shows_nothing_and_its_leftovers_go(s3: S3Server, lane: Lane) -> None:
    """The version before this one could neither resume nor clean up after a kill."""
    lane.server.faults.add(Rule(Slow(bytes_per_second=MIB // 4), path=f"*{WEIGHTS}", origin="cdn", skip=1))
    running = multiprocessing.get_context("spawn").Process(target=_transfer, args=(lane.server.url, s3, lane.prefix))
    running.start()
    assert lane.server.faults.wait_until(lambda fired: len(fired) >= 2)
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    running.join()
    assert list(lane.store.list(lane.prefix)) == []
    assert abort_leftovers(lane.store, prefix=lane.prefix) == 1
    lane.server.faults.clear()
    assert lane.move().sha256 == lane.file().sha256
