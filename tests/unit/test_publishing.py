"""Publishing: the manifest is written last, once, and only by whoever holds the version."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from blocks.errors import NotFoundError
from blocks.hub_files import HubFile
from blocks.lease import LeaseLostError
from blocks.objects import ObjectChangedError
from deployments import catalog
from flows.import_model.errors import VersionTakenError
from flows.import_model.manifest import Manifest, ManifestFile
from flows.import_model.plan import TransferPlan
from flows.import_model.publishing import compose, publish
from flows.import_model.source import ResolvedSource
from flows.import_model.stock import Stock
from flows.import_model.transfer import TransferredFile

SPEC = catalog.load("smollm2")
KEY = SPEC.prefix + "manifest.json"
FILES = (HubFile("config.json", 2, None, "1" * 40), HubFile("model.safetensors", 8, "a" * 64, "2" * 40))
SOURCE = ResolvedSource(SPEC.source.repo, "f" * 40, FILES, SPEC.identity)


@dataclass
class FakeStore:
    """Stands for our own adapter: objects by key, and what was done to them in order."""

    objects: dict[str, bytes] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def get(self, key: str, *, limit_bytes: int) -> tuple[bytes, str]:
        """Give an object."""
        if key not in self.objects:
            raise NotFoundError("object store", f"{key} does not exist")
        return self.objects[key][:limit_bytes], "etag"

    def put(self, key: str, body: bytes, *, content_type: str, if_absent: bool = False) -> str:
        """Write an object, if it may."""
        if if_absent and key in self.objects:
            raise ObjectChangedError(bucket="b", key=key)
        self.objects[key] = body
        self.done.append(f"put {key} {content_type}")
        return "etag"

    def delete(self, keys: tuple[str, ...]) -> None:
        """Remove objects."""
        for key in keys:
            del self.objects[key]
        self.done.append(f"delete {' '.join(keys)}")


@dataclass
class FakeLease:
    """Stands for our own lease: ours, or lost at the nth question."""

    lost_at: int | None = None
    asked: int = 0

    def confirm(self) -> None:
        """Say whether the lease is still ours."""
        self.asked += 1
        if self.lost_at is not None and self.asked >= self.lost_at:
            raise LeaseLostError(key="leases/x.json", reason="another run took it over")


def moved(*files: HubFile) -> list[TransferredFile]:
    """What the transfer of these files returns."""
    return [
        TransferredFile(
            path=file.path,
            size=file.size,
            sha256=file.sha256 or "c" * 64,
            blob_id=file.blob_id,
            skipped=False,
            seconds=1.0,
        )
        for file in files
    ]


def stock(
    manifest: Manifest | None = None, *, missing: tuple[HubFile, ...] = FILES, leftovers: tuple[str, ...] = ()
) -> Stock:
    """What was there before."""
    present = tuple(file for file in FILES if file not in missing)
    return Stock(manifest, TransferPlan(missing, present, leftovers))


def run(store: FakeStore, manifest: Manifest, before: Stock, lease: FakeLease | None = None) -> Manifest:
    """Publish to the fakes."""
    return publish(store, manifest=manifest, stock=before, prefix=SPEC.prefix, claim=lease or FakeLease())  # type: ignore[arg-type]  # fakes of ours


def test_a_new_version_gets_its_manifest_last() -> None:
    """If the manifest came before the clean-up, readers would see foreign files under a finished version."""
    store = FakeStore({SPEC.prefix + "old": b"x"})
    manifest = compose(SPEC, source=SOURCE, stock=stock(), moved=moved(*FILES))
    assert run(store, manifest, stock(leftovers=(SPEC.prefix + "old",))) is manifest
    assert store.done == [f"delete {SPEC.prefix}old", f"put {KEY} application/json"]
    assert store.objects[KEY] == manifest.canonical()


def test_an_equal_manifest_is_never_written_again() -> None:
    """If it were, the object would change under every reader that compares entity tags."""
    manifest = compose(SPEC, source=SOURCE, stock=stock(), moved=moved(*FILES))
    store = FakeStore({KEY: manifest.canonical()})
    assert run(store, manifest, stock(manifest, missing=())) is manifest
    assert store.done == []


def test_a_repaired_file_keeps_the_manifests_digest() -> None:
    """If a repair changed the digest, every service and test record of the version would look foreign."""
    whole = compose(SPEC, source=SOURCE, stock=stock(), moved=moved(*FILES))
    repaired = compose(SPEC, source=SOURCE, stock=stock(whole, missing=FILES[1:]), moved=moved(FILES[1]))
    assert repaired.digest() == whole.digest()


def test_without_the_lease_nothing_is_removed_or_written() -> None:
    """If a run that lost its lease went on, it would delete the files of the run that took over."""
    store = FakeStore({SPEC.prefix + "old": b"x"})
    manifest = compose(SPEC, source=SOURCE, stock=stock(), moved=moved(*FILES))
    for lost_at in (1, 2):
        before = stock(leftovers=(SPEC.prefix + "old",) if lost_at == 1 else ())
        with pytest.raises(LeaseLostError):
            run(store, manifest, before, FakeLease(lost_at=lost_at))
    assert store.done == []


def test_a_version_that_another_run_published_meanwhile_is_refused() -> None:
    """If the last writer won, a version would change its bytes."""
    manifest = compose(SPEC, source=SOURCE, stock=stock(), moved=moved(*FILES))
    other = manifest.model_copy(
        update={"files": (ManifestFile(path="config.json", size=2, sha256="d" * 64, hub_id="9" * 40),)}
    )
    store = FakeStore({KEY: other.canonical()})
    with pytest.raises(VersionTakenError, match=other.file_set()[:12]):
        run(store, manifest, stock())
    assert store.objects[KEY] == other.canonical()
