"""Imports that are killed, and imports that meet: the next run completes, and moves again only what was in flight."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.hub import Rule, Slow
from tests.integration.bare_import import MIB, OPTIONS, Road, large_replica, open_road
from tests.integration.s3_server import S3Server
from tests.integration.s3_troubles import Silence
from tests.integration.stale_lease import STALE_AFTER_SECONDS

HEADER_BYTES = 128 << 10


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a replica of several parts a file."""
    return large_replica(tmp_path_factory.mktemp("replica"))


@pytest.fixture
def road(replica: Path, s3: S3Server, tmp_path: Path) -> Iterator[Road]:
    """This test's own Hub, proxy and version."""
    with open_road(replica, root=tmp_path / "hub", s3=s3, version=tmp_path.name.lower()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("operation", "key", "skip", "done"),
    [
        ("UploadPart", "*", 3, False),
        ("CompleteMultipartUpload", "*", 1, True),
        ("PutObject", "*/manifest.json", 0, True),
    ],
)
def test_a_killed_import_is_completed_by_the_next(road: Road, operation: str, key: str, skip: int, done: bool) -> None:
    """The version before this one began anew after every failure, and left its uploads in the bucket for ever."""
    road.proxy.troubles.add(Silence(600, done=done), operation=operation, key=key, skip=skip)
    road.kill_when(lambda: road.proxy.troubles.wait_until(bool))
    assert road.holds_only_whole_files()
    before = time.monotonic()
    road.run()
    assert time.monotonic() - before < STALE_AFTER_SECONDS + 60
    assert road.is_complete()
    sizes = sorted((path.stat().st_size for path in road.folder.glob("*.safetensors")), reverse=True)
    in_flight = sum(sizes[: OPTIONS.files + 1]) + 2 * HEADER_BYTES * len(sizes)
    assert road.hub.log.sent("*.safetensors", origin="cdn") <= sum(sizes) + in_flight


def test_failure_18_files_move_side_by_side(road: Road) -> None:
    """A model's shards came one after the other (docs/failures.md, row 18)."""
    road.hub.faults.add(Rule(Slow(bytes_per_second=4 * MIB), path="*.safetensors", origin="cdn"))
    road.run()
    assert road.is_complete()
    assert road.hub.log.most_at_once > OPTIONS.ranges


def test_two_versions_are_imported_side_by_side(road: Road) -> None:
    """Locks on more than a version would make a night's imports queue."""
    roads = [road, road.beside(f"{road.endpoints.spec.version}-2")]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(Road.run, roads))
    assert [one.is_complete() for one in roads] == [True, True]
