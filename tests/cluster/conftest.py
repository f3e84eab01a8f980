"""What tests on a real Kubernetes share: the cluster, its images, and a namespace for each test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from k8s.cluster import Cluster, connect
from tests.cluster.machine.layout import Layout, layout
from tests.cluster.pods import Json
from tests.cluster.surroundings import Surroundings, foreign_surroundings, own_surroundings

VARIABLE = "SLIPWAY_TEST_KUBECONFIG"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test here, so that `-m "not cluster"` leaves them out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def own() -> Layout | None:
    """The cluster that `make cluster` made, if the tests run on it; None on any other."""
    made = layout()
    named = os.environ.get(VARIABLE)
    if named:
        return made if Path(named).absolute() == made.kubeconfig else None
    return made if made.kubeconfig.exists() else None


@pytest.fixture(scope="session")
def kubeconfig(own: Layout | None) -> Iterator[Path]:
    """The kubeconfig of the cluster under test, also as KUBECONFIG."""
    named = os.environ.get(VARIABLE)
    if own is None and not named:
        pytest.skip(f"no real Kubernetes to test on. Make one: make cluster; or name one: export {VARIABLE}=<file>")
    file = own.kubeconfig if own is not None else Path(str(named))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(file))
        yield file


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Cluster:  # noqa: ARG001 - it sets KUBECONFIG
    """The product's own client, as the cluster's administrator."""
    return connect()


@pytest.fixture(scope="session")
def surroundings(own: Layout | None, cluster: Cluster) -> Surroundings:  # noqa: ARG001 - no cluster, no images
    """Images that the cluster can pull, and a registry that it can push to."""
    return own_surroundings(own) if own is not None else foreign_surroundings(os.environ)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this test's own, deleted with all that it holds."""
    name = f"slipway-test-{secrets.token_hex(4)}"
    about: Json = {"name": name, "labels": {"app.kubernetes.io/part-of": "slipway-tests"}}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": about})
    yield name
    cluster.delete("v1", "Namespace", name)
