"""What integration tests share: a real S3 store, transfers into it, and a world for imports, each started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.object_store import StoreClient
from tests.integration.import_site import Site, serving_site
from tests.integration.import_world import World, serving_world
from tests.integration.s3_server import S3Server, serving
from tests.integration.transfer_lane import Lane, open_lane, publish_model


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


@pytest.fixture(scope="session")
def model_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hub's directory with one small model."""
    return publish_model(tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("folder"))


@pytest.fixture
def lane(model_root: Path, store: StoreClient, prefix: str) -> Iterator[Lane]:
    """A running Hub with the model, and this test's own prefix to transfer to."""
    with open_lane(model_root, store, prefix) as made:
        yield made


@pytest.fixture(scope="session")
def world(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The servers that imports need, all but the Hub and the registry."""
    with serving_world(tmp_path_factory.mktemp("world"), s3=s3) as servers:
        yield servers


@pytest.fixture
def site(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A Hub with the quantized replica, an empty registry and an empty bucket: this test's own."""
    with serving_site(world, folder=tmp_path, patch=monkeypatch) as own:
        yield own
