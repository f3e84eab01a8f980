"""What integration tests share: a real S3 store, started once for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.object_store import StoreClient
from tests.integration.s3_server import S3Server, serving


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running SeaweedFS with a plain and a versioned bucket, and a key that may only read."""
    with serving(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def store(s3: S3Server) -> StoreClient:
    """Our adapter to the versioned bucket, which is what production has."""
    return s3.block().client()


@pytest.fixture
def prefix(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A key prefix that is this test's own, so that tests can share a bucket."""
    return f"{request.node.originalname}-{tmp_path.name}/"
