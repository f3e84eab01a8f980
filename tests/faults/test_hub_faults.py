"""Whole imports while the Hub fails: they complete with equal hashes, or end in our error with nothing visible."""

from __future__ import annotations

import threading
import time

import pytest

from blocks.errors import AccessDeniedError, BlockError, IntegrityError, RejectedError, UnavailableError
from sandbox.hub import Corrupt, Drop, Effect, Expire, IgnoreRange, Pass, Rule, Slow, Stall, Status, Truncate
from sandbox.hub import publish as publish_folder
from tests.integration.bare_import import HASTY_SECONDS, MIB, OPTIONS, REPO, SHARDS, Road

WEIGHTS = "*.safetensors"
HEADERS = SHARDS
"""Requests of weights before any of them moves: one header of each shard."""


@pytest.mark.parametrize(
    "effect",
    [
        Status(429, retry_after=1),
        Status(500),
        Status(502),
        Status(503),
        Status(403),
        Expire(),
        Drop(after=None),
        Drop(after=MIB),
        Drop(after=MIB, reset=False),
        Truncate(after=MIB),
    ],
    ids=repr,
)
def test_an_import_survives(effect: Effect, road: Road) -> None:
    """A storage host that fails now and then would fail every import of an hour."""
    road.hub.faults.add(Rule(effect, path=WEIGHTS, origin="cdn", skip=HEADERS, times=3))
    road.run()
    assert len(road.hub.faults.fired()) == 3
    assert road.is_complete()


@pytest.mark.parametrize("effect", [Stall(seconds=600, after=MIB), Slow(seconds=600)], ids=repr)
def test_an_import_survives_silence(effect: Effect, road: Road) -> None:
    """A connection that died without a word would hold the import until somebody looks."""
    road.hub.faults.add(Rule(effect, path=WEIGHTS, origin="cdn", skip=HEADERS, times=3))
    road.run_hastily()
    assert len(road.hub.faults.fired()) == 3
    assert road.is_complete()


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        (Status(503), UnavailableError),
        (Status(401), AccessDeniedError),
        (Drop(after=None), UnavailableError),
        (Truncate(after=0), BlockError),
        (Corrupt(offset=5 * MIB + 1), IntegrityError),
        (IgnoreRange(), RejectedError),
        (Status(404), BlockError),
    ],
    ids=repr,
)
def test_an_import_that_cannot_go_on_shows_nothing_and_completes_later(
    effect: Effect, error: type[BlockError], road: Road
) -> None:
    """Half a model would be served, or the next run would stumble over it."""
    road.hub.faults.add(Rule(effect, path=WEIGHTS, origin="cdn", skip=HEADERS))
    with pytest.raises(error) as caught:
        road.run()
    assert not caught.value.transient  # what was retried by a read, or is permanent, no task shall repeat
    assert not road.is_visible()
    assert road.holds_only_whole_files()
    assert not road.is_leased()
    assert not list(road.store.unfinished_uploads(road.prefix))
    road.mend()
    road.run()
    assert road.is_complete()


def test_a_silent_hub_is_given_up_after_the_documented_time(road: Road) -> None:
    """An import that hangs holds its lease, and nobody looks at a run that is green."""
    road.hub.faults.add(Rule(Slow(seconds=600), path=WEIGHTS, skip=2 * HEADERS))
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="gave no byte in 3 attempts"):
        road.run_hastily()
    # Three attempts and the pauses between them; a loaded machine is slow, but not for the 600 s of the silence.
    assert time.monotonic() - began < 3 * HASTY_SECONDS + 60
    assert not road.is_visible()
    assert not road.is_leased()


def test_a_token_that_is_revoked_midway_ends_the_import_and_is_not_tried_again(road: Road) -> None:
    """Each try with a revoked token brings an account nearer to being locked."""
    road.hub.faults.add(Rule(Pass(), path="*/resolve/*.safetensors", origin="hub", times=HEADERS))
    road.hub.faults.add(Rule(Status(401), path="*/resolve/*.safetensors", origin="hub"))
    with pytest.raises(AccessDeniedError, match=r"the token in \$HF_TOKEN is not accepted"):
        road.run()
    refused = [fired for fired in road.hub.faults.fired() if isinstance(fired.rule.effect, Status)]
    assert len(refused) <= OPTIONS.in_flight
    assert not road.is_visible()
    road.mend()
    road.run()
    assert road.is_complete()


def test_a_branch_that_moves_during_the_import_changes_nothing(road: Road) -> None:
    """Shards of two commits would make a model that nobody has trained."""
    before = {path.name: path.read_bytes() for path in road.folder.iterdir()}
    road.hub.faults.add(Rule(Pass(), path=WEIGHTS, origin="cdn", skip=HEADERS, times=1))

    def move_branch() -> None:
        road.hub.faults.wait_until(bool, timeout=60)
        for path in road.folder.glob("*.json"):
            path.write_bytes(path.read_bytes() + b"\n")
        publish_folder(road.root, REPO, road.folder)

    moving = threading.Thread(target=move_branch)
    moving.start()
    manifest = road.run()
    moving.join()
    for name, content in before.items():
        (road.folder / name).write_bytes(content)
    assert road.is_complete()
    assert road.hub.log.entries(f"*/resolve/{manifest.source.commit}/*")
