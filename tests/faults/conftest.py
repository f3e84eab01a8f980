"""What tests of faults share: a replica of several parts a file, and a road for it into a real store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.bare_import import Road, large_replica, open_road
from tests.integration.conftest import s3, site, world
from tests.integration.s3_server import S3Server

__all__ = ["s3", "site", "world"]


@pytest.fixture(scope="session")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a replica."""
    return large_replica(tmp_path_factory.mktemp("replica"))


@pytest.fixture
def road(replica: Path, s3: S3Server, tmp_path: Path) -> Iterator[Road]:
    """This test's own Hub, proxy and version."""
    folder = Path(shutil.copytree(replica, tmp_path / "replica", copy_function=shutil.copy))
    with open_road(folder, root=tmp_path / "hub", s3=s3, version=tmp_path.name.lower()) as opened:
        yield opened
