"""Imports without Prefect: the flow's steps on its own adapters, for faults and kills by the hundred.

`test_import_flow.py` and its neighbours show the same of the flow itself, at a few seconds a run.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from prefect_aws import AwsClientParameters
from pydantic import SecretStr

from blocks.hub import HubClient
from blocks.hub_files import HubFile
from blocks.lease import held
from blocks.object_store import StoreClient
from deployments import catalog
from deployments.spec import ModelSpec
from flows.import_model.manifest import Manifest
from flows.import_model.options import TransferOptions
from flows.import_model.progress import Progress
from flows.import_model.publishing import compose, publish
from flows.import_model.source import resolve
from flows.import_model.stock import read_manifest, read_stock
from flows.import_model.transfer import TransferredFile, abort_leftovers, transfer_file
from sandbox import replicas
from sandbox.hub import HubServer
from sandbox.hub import publish as publish_folder
from tests.integration.s3_proxy import S3Proxy, proxying
from tests.integration.s3_server import S3Server
from tests.integration.stale_lease import hasten

MIB = 1 << 20
REPLICA_BYTES = 30 * MIB
SHARDS = 4
OPTIONS = TransferOptions(part_bytes=5 * MIB, files=2, ranges=2, window=1)
TOKEN = "hf_good"
OVERLAY = Path(__file__).resolve().parents[2] / "sandbox" / "models"
REPO = "RedHatAI/Mistral-Small-24B-Instruct-2501-quantized.w4a16"


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])
"""Each child begins with everything imported: an interpreter of its own would take seconds to."""

HASTY_SECONDS = 4.0


@dataclass(frozen=True)
class Endpoints:
    """Where an import runs; goes to other processes as it is.

    Attributes:
        hub: the Hub's address.
        store: the store, or the proxy before it.
        spec: the model; its version is the test's own.
        stall_seconds: how long a silent Hub or store is waited for.
        lease_seconds: the time to live of the version's lease.
    """

    hub: str
    store: S3Server
    spec: ModelSpec
    stall_seconds: float = 60.0
    lease_seconds: float = 60.0

    def run(self) -> Manifest:
        """Import the version, as the flow does."""
        hub, store = self._hub_client(), self.store_client()
        spec, prefix = self.spec, self.spec.prefix
        with held(store, key=self.lease, owner="a test", ttl_seconds=self.lease_seconds) as claim:
            source = resolve(hub, spec=spec, held=read_manifest(store, prefix=prefix))
            abort_leftovers(store, prefix=prefix)
            stock = read_stock(store, prefix=prefix, source=source)
            progress = Progress(total=stock.total_bytes, done=stock.present_bytes, options=OPTIONS)

            def move(file: HubFile) -> TransferredFile:
                with progress.attempt(size=file.size) as attempt:
                    return transfer_file(
                        hub, store, repo=source.repo, commit=source.commit, file=file, key=prefix + file.path,
                        attempt=attempt, confirm=claim.confirm, damaged=file.path in stock.damaged,
                    )  # fmt: skip

            moved = _settle([partial(move, file) for file in stock.missing], progress)
            manifest = compose(spec, source=source, stock=stock, moved=moved)
            return publish(store, manifest=manifest, stock=stock, prefix=prefix, claim=claim)

    @property
    def lease(self) -> str:
        """The key of the version's lease."""
        return f"leases/{self.spec.registered_model}/{self.spec.version}.json"

    def store_client(self) -> StoreClient:
        """Our adapter to the store, soon to call a silence a stall."""
        block = self.store.block()
        patience = AwsClientParameters(endpoint_url=self.store.endpoint, config={"read_timeout": self.stall_seconds})
        aws = block.credentials.model_copy(update={"aws_client_parameters": patience})
        return block.model_copy(update={"credentials": aws}).client()

    def _hub_client(self) -> HubClient:
        return HubClient(endpoint=self.hub, token=SecretStr(TOKEN), stall_seconds=self.stall_seconds, attempts=3)


def _settle(moves: Sequence[Callable[[], TransferredFile]], progress: Progress) -> list[TransferredFile]:
    """Run transfers side by side; none runs any more when this returns or raises."""
    with ThreadPoolExecutor(OPTIONS.in_flight) as threads:
        futures = [threads.submit(move) for move in moves]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            progress.abandon()
            raise
    return [future.result() for future in futures]


@dataclass(frozen=True)
class Road:
    """One test's own version, on its way from a Hub through a faulty proxy into a real store.

    Attributes:
        hub: the Hub; its faults and log are this test's.
        proxy: the proxy before the store; its troubles are this test's.
        s3: the store itself.
        endpoints: where imports run.
        folder: what the Hub serves.
        root: the Hub's directory.
    """

    hub: HubServer
    proxy: S3Proxy
    s3: S3Server
    endpoints: Endpoints
    folder: Path
    root: Path

    @property
    def prefix(self) -> str:
        """The key prefix of the version."""
        return self.endpoints.spec.prefix

    @property
    def store(self) -> StoreClient:
        """Our adapter to the store, past the proxy."""
        return self.s3.block().client()

    def run(self) -> Manifest:
        """Import the version in this process."""
        return self.endpoints.run()

    def run_hastily(self) -> Manifest:
        """The same, but soon to call a silence a stall: where silence is the fault."""
        return replace(self.endpoints, stall_seconds=HASTY_SECONDS).run()

    def beside(self, version: str) -> Road:
        """The same road for another version."""
        spec = self.endpoints.spec.model_copy(update={"version": version})
        return replace(self, endpoints=replace(self.endpoints, spec=spec))

    def kill_when(self, happened: Callable[[], bool]) -> None:
        """Begin an import in a process of its own, and kill it once something was seen to happen; ends all faults."""
        running = FORKS.Process(target=self.endpoints.run)
        running.start()
        try:
            assert happened()
            assert running.is_alive()
        finally:
            running.kill()
            running.join()
        self.mend()

    def mend(self) -> None:
        """End all faults. A lease that was left stays, but blocks for a second instead of a minute."""
        self.hub.faults.clear()
        self.proxy.troubles.clear()
        hasten(self.store, key=self.endpoints.lease)

    def digests(self) -> dict[str, str]:
        """SHA-256 of every object of the version, by its path."""
        return {
            entry.key.removeprefix(self.prefix): hashlib.sha256(
                self.store.get(entry.key, limit_bytes=entry.size)[0]
            ).hexdigest()
            for entry in self.store.list(self.prefix)
        }

    def is_visible(self) -> bool:
        """Whether the version has its commit marker."""
        return self.store.head(self.prefix + "manifest.json") is not None

    def holds_only_whole_files(self) -> bool:
        """Whether every object of the version is a file that the Hub declares, with just its bytes."""
        truth = self.truth()
        return all(truth.get(path) == sha for path, sha in self.digests().items() if path != "manifest.json")

    def is_complete(self) -> bool:
        """Whether the version is there, whole and equal, and nothing is left over."""
        objects = self.digests()
        marker = objects.pop("manifest.json", None)
        leftovers = list(self.store.unfinished_uploads(self.prefix))
        return marker is not None and objects == self.truth() and not leftovers and not self.is_leased()

    def is_leased(self) -> bool:
        """Whether the version's lease is taken."""
        return self.store.head(self.endpoints.lease) is not None

    def truth(self) -> dict[str, str]:
        """SHA-256 of every file that the version should have, by its path."""
        selects = self.endpoints.spec.source.selects
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.iterdir()
            if selects(path.name)
        }


def large_replica(folder: Path) -> Path:
    """Make a replica whose shards have two parts each."""
    replicas.build("quantized", folder, size_bytes=REPLICA_BYTES, shards=SHARDS)
    return folder


@contextmanager
def open_road(folder: Path, *, root: Path, s3: S3Server, version: str) -> Iterator[Road]:
    """Serve a replica to imports of a version of the test's own, without faults yet, for a block of code."""
    publish_folder(root, REPO, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLIPWAY_CATALOG_OVERLAY", str(OVERLAY))
        declared = catalog.load("quantized")
    identity = declared.identity.model_copy(update={"parameters": replicas.identity(folder)["parameters"]})
    spec = declared.model_copy(update={"version": version, "identity": identity})
    with HubServer(root, tokens=TOKEN) as hub, proxying(s3.endpoint) as proxy:
        endpoints = Endpoints(hub.url, replace(s3, endpoint=proxy.endpoint), spec)
        yield Road(hub, proxy, s3, endpoints, folder, root)
