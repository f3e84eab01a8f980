"""Progress: what a person reads while gigabytes move."""

from __future__ import annotations

import threading

import pytest

from blocks.hub_errors import ReadCancelledError
from flows.import_model.progress import AbandonedError, Progress, Standing


def test_the_rate_counts_only_what_this_run_moved() -> None:
    """If skipped bytes counted, a re-run would claim an impossible rate."""
    now = iter([0.0, 10.0])
    progress = Progress(total=1_000_000_000, done=400_000_000, clock=lambda: next(now))
    progress.skipped(100_000_000)
    progress.moved(250_000_000)
    assert progress.standing().sentence() == "750.0 of 1,000.0 MB, 25.0 MB/s, 10 s left"


def test_a_failed_attempt_takes_its_bytes_back() -> None:
    """If it did not, a retried file would push the bar past 100 %."""
    progress = Progress(total=100, done=0)
    with pytest.raises(ConnectionError):
        _drop_after_60(progress)
    with progress.attempt() as attempt:
        attempt.count(60)
        attempt.count(40)
    assert progress.standing().percent == 100.0


def test_an_abandoned_attempt_is_ended_and_not_tried_again() -> None:
    """The cancelled read calls itself transient: its task would wait half a minute and begin anew."""
    progress = Progress(total=100, done=0)
    with pytest.raises(AbandonedError):
        _abandon_meanwhile(progress)
    with pytest.raises(AbandonedError), progress.attempt():
        pytest.fail("it began")


def test_nothing_to_move_is_complete() -> None:
    """If an empty plan divided by zero, a re-import would crash."""
    assert Standing(done=0, total=0, moved=0, seconds=0.0).percent == 100.0
    assert Standing(done=5, total=5, moved=0, seconds=0.0).sentence() == "0.0 of 0.0 MB, 0.0 MB/s"


def _abandon_meanwhile(progress: Progress) -> None:
    ended, abandoning = threading.Event(), threading.Thread(target=progress.abandon)
    try:
        with progress.attempt() as attempt:
            attempt.stopped_by(ended.set)
            abandoning.start()
            assert ended.wait(60)
            assert abandoning.is_alive()  # else the lease would be given back while this can still show an object
            raise ReadCancelledError(path="a")
    finally:
        abandoning.join(60)
        assert not abandoning.is_alive()


def _drop_after_60(progress: Progress) -> None:
    with progress.attempt() as attempt:
        attempt.count(60)
        raise ConnectionError
