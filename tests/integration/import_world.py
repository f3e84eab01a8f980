"""A world for imports in tests: the real servers that they need, started once for all tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prefect.blocks.core import Block
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from k8s.cluster import connect
from sandbox import replicas
from sandbox.base_image import base_image
from sandbox.hub.server import HubServer
from tests.integration.kube_server import kube_server
from tests.integration.prefect_server import prefect_server
from tests.integration.registry_server import Slot, serving
from tests.integration.s3_server import S3Server
from tests.integration.webhook import Webhook

NAMESPACE = "private-ai-demo"
HUB_TOKEN = "hf_ThrowAwayTokenOfATest"
QUAY_PASSWORD = "throw-away-quay-password"


@dataclass(frozen=True)
class World:
    """The servers that all tests share, and the replicas.

    Attributes:
        prefect: the address of the Prefect API.
        s3: the object store.
        kubeconfig: of the sandbox's Kubernetes, which knows SHELL_IMAGE and BARE_IMAGE.
        base: the base image's name.
        images: the repository of runtime images; whoever imports first builds into it.
        quantized: a folder with the replica.
        hub: the Hub; its repositories, faults and log are those of the test at work.
        slot: holds the application that answers as the registry, also the test's own.
        registry: the registry's address.
        webhook: what the Prefect server's automations tell.
        registered: what the block documents say now.
    """

    prefect: str
    s3: S3Server
    kubeconfig: Path
    base: str
    images: str
    quantized: Path
    hub: HubServer
    slot: Slot
    registry: str
    webhook: Webhook
    registered: dict[type[Block], str] = field(default_factory=dict)


@contextmanager
def serving_world(folder: Path, *, s3: S3Server) -> Iterator[World]:
    """Start everything that imports need."""
    if shutil.which("buildah") is None:
        pytest.skip("buildah is not installed: apt-get install -y buildah")
    with ExitStack() as stack:
        folders = {name: folder / name for name in ("prefect", "kube", "quantized")}
        folders["prefect"].mkdir()
        webhook = Webhook()
        address = stack.enter_context(serving(webhook))
        prefect = stack.enter_context(prefect_server(folders["prefect"], SLIPWAY_NOTIFICATION_URL=address))
        kubeconfig = stack.enter_context(kube_server(folders["kube"]))
        make_namespace(NAMESPACE, kubeconfig=kubeconfig)
        base = base_image(folder / "base")
        replicas.build("quantized", folders["quantized"])
        hub = stack.enter_context(HubServer(folder / "hub", tokens=f"{HUB_TOKEN}:tester"))
        slot = Slot()
        registry = stack.enter_context(serving(slot))
        images = f"oci:{folder}/images"
        yield World(prefect(), s3, kubeconfig, base, images, folders["quantized"], hub, slot, registry, webhook)
        # What this process still wants to tell the server: afterwards it would wait for one that is gone.
        APILogWorker.drain_all()
        EventsWorker.drain_all()


def make_namespace(name: str, *, kubeconfig: Path) -> None:
    """Make a namespace with what the platform brings for builds: the service account and the credentials."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(kubeconfig))
        cluster = connect()
    login = json.dumps({"auths": {"quay.io": {"username": "robot", "password": QUAY_PASSWORD}}})
    about = {"namespace": name}
    for thing in (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "runtime-builder", **about}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "quay-credentials", **about},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": login},
        },
    ):
        cluster.apply(thing)
