"""What tests of Kubernetes share: the cluster, its images, and a namespace for each test.

A file with `KUBERNETES = ("sandbox", "real")` is asked of both, so that the stand-in is held to what a real API
server does; all others need a real one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from k8s.cluster import Cluster, connect
from tests.cluster.machine.layout import Layout, layout
from tests.cluster.pods import new_namespace
from tests.cluster.stand_in import sandbox_kubernetes, sandbox_surroundings
from tests.cluster.surroundings import Surroundings, foreign_surroundings, own_surroundings

VARIABLE = "SLIPWAY_TEST_KUBECONFIG"
FAILED_VARIABLE = "SLIPWAY_FAILED_TESTS"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask each Kubernetes that the file names."""
    if "kubernetes" in metafunc.fixturenames:
        real = pytest.param("real", marks=pytest.mark.cluster)
        asked = getattr(metafunc.module, "KUBERNETES", ("real",))
        metafunc.parametrize(
            "kubernetes", [real if name == "real" else name for name in asked], indirect=True, scope="session"
        )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a failure at once, where `.ci/run` asks for it: a run that is ended by its limit has failed all the same."""
    if report.failed and (file := os.environ.get(FAILED_VARIABLE)):
        with Path(file).open("a", encoding="utf-8") as noted:
            noted.write(f"{report.nodeid}\n")


@pytest.fixture(scope="session")
def kubernetes(request: pytest.FixtureRequest) -> str:
    """Which Kubernetes is asked: `real`, or `sandbox`."""
    return str(request.param)


@pytest.fixture(scope="session")
def own(kubernetes: str) -> Layout | None:
    """The cluster that `make cluster` made, if the tests run on it; None on any other."""
    made = layout()
    named = os.environ.get(VARIABLE)
    if kubernetes == "sandbox":
        return None
    if named:
        return made if Path(named).absolute() == made.kubeconfig else None
    return made if made.kubeconfig.exists() else None


@pytest.fixture(scope="session")
def kubeconfig(own: Layout | None, kubernetes: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of the cluster under test, also as KUBECONFIG."""
    with pytest.MonkeyPatch.context() as patch:
        if kubernetes == "sandbox":
            with sandbox_kubernetes(tmp_path_factory.mktemp("kubernetes")) as file:
                patch.setenv("KUBECONFIG", str(file))
                yield file
            return
        named = os.environ.get(VARIABLE)
        if own is None and not named:
            pytest.skip(f"no real Kubernetes to test on. Make one: make cluster; or name one: export {VARIABLE}=<file>")
        file = own.kubeconfig if own is not None else Path(str(named))
        patch.setenv("KUBECONFIG", str(file))
        yield file


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Cluster:  # noqa: ARG001 - it sets KUBECONFIG
    """The product's own client, as the cluster's administrator."""
    return connect()


@pytest.fixture(scope="session")
def surroundings(own: Layout | None, cluster: Cluster, kubernetes: str) -> Surroundings:  # noqa: ARG001 - no cluster, no images
    """Images that the cluster can pull, and a registry that it can push to."""
    if kubernetes == "sandbox":
        return sandbox_surroundings()
    return own_surroundings(own) if own is not None else foreign_surroundings(os.environ)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this test's own, deleted with all that it holds."""
    with new_namespace(cluster) as name:
        yield name
