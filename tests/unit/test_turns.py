"""Turns: large files one after the other, small ones beside each other, and nobody waits for ever."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from flows.import_model.options import TransferOptions
from flows.import_model.turns import Turns

PATIENCE = 60.0


def _waits(turns: Turns, lanes: int) -> tuple[threading.Thread, threading.Event]:
    """Ask for lanes in a thread, and say when it has them."""
    has = threading.Event()

    def take() -> None:
        with turns.take(lanes):
            has.set()

    thread = threading.Thread(target=take)
    thread.start()
    return thread, has


def test_small_files_move_in_the_place_of_a_large_one() -> None:
    """A thousand small files over a slow line would take a second each, two at a time."""
    turns = Turns(4)
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(turns.take(1))
        thread, has = _waits(turns, 1)
        assert not has.wait(0.05)
    assert has.wait(PATIENCE)
    thread.join()


def test_a_file_that_wants_more_than_there_is_gets_all() -> None:
    """With one lane for all, the first large file would wait for ever."""
    turns = Turns(1)
    with turns.take(4):
        thread, has = _waits(turns, 1)
        assert not has.wait(0.05)
    assert has.wait(PATIENCE)
    thread.join()


def test_lanes_that_are_given_back_early_serve_the_next_file() -> None:
    """While the end of one file was uploaded nothing was read: on an even line a third of the time."""
    turns = Turns(2)
    with turns.take(2) as give_back:
        give_back()
        thread, has = _waits(turns, 2)
        assert has.wait(PATIENCE)
        thread.join()
    with turns.take(1), turns.take(1):  # given back once, not twice
        thread, has = _waits(turns, 1)
        assert not has.wait(0.05)
    thread.join()


def test_a_file_takes_a_lane_for_each_range_in_flight() -> None:
    """Four large files at a time would hold twice the memory, and a kill would lose twice as much."""
    options = TransferOptions(part_bytes=16 << 20, ranges=4)
    assert [options.lanes(size) for size in (0, 1, 16 << 20, (16 << 20) + 1, 1 << 40)] == [1, 1, 1, 2, 4]
