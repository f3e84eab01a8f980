"""A lane for transfers in tests: a Hub with one small model, our adapters, and a prefix in a real store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from blocks.hub import HubClient
from blocks.hub_files import HubFile, HubRevision
from blocks.object_store import StoreClient
from flows.import_model.options import TransferOptions
from flows.import_model.progress import Attempt
from flows.import_model.transfer import TransferredFile, transfer_file
from sandbox.hub import HubServer, publish

MIB = 1 << 20
REPO = "acme/model"
WEIGHTS = "model.safetensors"
VOCABULARY = "vocabulary.json"
CONFIG = "config.json"
EMPTY = "empty.txt"
TOKEN = "hf_good"
OPTIONS = TransferOptions(part_bytes=5 * MIB, ranges=3, window=2)
PARTS = 4
"""Parts of the weights, of which each is one request where nothing goes wrong."""
PATIENCE_SECONDS = 60.0
"""As long as in production: where requests are counted, a machine that pauses must not pass for a silent Hub."""
HASTE_SECONDS = 0.5
"""Where silence is the fault."""


def publish_model(root: Path, folder: Path) -> Path:
    """Fill a Hub's root with weights of four parts, a plain file of two, a small one and an empty one."""
    (folder / WEIGHTS).write_bytes(hashlib.shake_128(b"weights").digest(16 * MIB + 321))
    (folder / VOCABULARY).write_bytes(hashlib.shake_128(b"words").digest(6 * MIB))
    (folder / CONFIG).write_text('{"model_type": "mistral"}')
    (folder / EMPTY).touch()
    publish(root, REPO, folder)
    return root


@dataclass(frozen=True)
class Way:
    """From a Hub to a prefix in a store."""

    hub: HubClient
    store: StoreClient
    revision: HubRevision
    prefix: str

    def file(self, path: str = WEIGHTS) -> HubFile:
        """What the Hub declares of a file."""
        return next(file for file in self.revision.files if file.path == path)

    def move(
        self,
        path: str = WEIGHTS,
        *,
        on_bytes: Callable[[int], None] = lambda _: None,
        options: TransferOptions = OPTIONS,
    ) -> TransferredFile:
        """Transfer a file."""
        return transfer_file(
            self.hub,
            self.store,
            repo=REPO,
            commit=self.revision.commit,
            file=self.file(path),
            key=self.prefix + path,
            attempt=Attempt(on_bytes, options=options),
        )


@dataclass(frozen=True)
class Lane(Way):
    """A way, and the server at its beginning."""

    server: HubServer

    def asks_with(self, token: str = TOKEN, *, stall_seconds: float = PATIENCE_SECONDS) -> Way:
        """The same way for another client."""
        hub = _client(self.server.url, token=token, stall_seconds=stall_seconds)
        return Way(hub, self.store, self.revision, self.prefix)

    def is_clean(self) -> bool:
        """Whether neither an object nor an unfinished upload is below the prefix."""
        return not list(self.store.list(self.prefix)) and not list(self.store.unfinished_uploads(self.prefix))


def asking(endpoint: str, store: StoreClient, prefix: str, *, stall_seconds: float = PATIENCE_SECONDS) -> Way:
    """A way from a Hub that runs elsewhere."""
    hub = _client(endpoint, token=TOKEN, stall_seconds=stall_seconds)
    return Way(hub, store, hub.resolve(REPO, revision="main"), prefix)


@contextmanager
def open_lane(root: Path, store: StoreClient, prefix: str) -> Iterator[Lane]:
    """Run a Hub, without faults yet, for a block of code."""
    with HubServer(root, tokens=TOKEN) as server:
        way = asking(server.url, store, prefix)
        yield Lane(way.hub, way.store, way.revision, way.prefix, server)


def _client(endpoint: str, *, token: str, stall_seconds: float) -> HubClient:
    """Our client, quick to give up."""
    return HubClient(endpoint=endpoint, token=SecretStr(token), stall_seconds=stall_seconds, attempts=3)
