"""Filling a model's volume from a real S3 store: whole or not there, resumed after a kill, never under a reader."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.errors import IntegrityError, NotFoundError
from blocks.object_store import StoreClient
from deployments import catalog
from flows.deploy_model.fill.errors import (
    CorruptObjectError,
    FolderInUseError,
    NoSpaceError,
    NoVersionError,
    VolumeBusyError,
    VolumeError,
)
from flows.deploy_model.fill.filling import FillRequest, FillResult, fill
from flows.deploy_model.fill.shelf import Shelf
from flows.import_model.manifest import Manifest, ManifestFile, ManifestSource
from flows.import_model.options import TransferOptions
from tests.integration.s3_proxy import proxying
from tests.integration.s3_server import WRITER, S3Server
from tests.integration.s3_troubles import Silence

MIB = 1 << 20
OPTIONS = TransferOptions(part_bytes=5 * MIB, ranges=3)
FILES = {
    "model-00001-of-00002.safetensors": hashlib.shake_128(b"one").digest(12 * MIB + 7),
    "model-00002-of-00002.safetensors": hashlib.shake_128(b"two").digest(6 * MIB),
    "config.json": b'{"model_type": "mistral"}',
    "tokenizer/empty.txt": b"",
}


class Source:
    """A version in the store, and a volume to fill with it."""

    def __init__(self, store: StoreClient, prefix: str, volume: Path) -> None:
        self.store, self.prefix, self.volume = store, prefix, volume
        self.lines: list[str] = []

    def publish(self, version: str = "v1", *, files: dict[str, bytes] = FILES) -> Manifest:
        """Put a version into the store as an import would."""
        manifest = Manifest(
            model="model",
            version=version,
            source=ManifestSource(repo="org/name", commit="a" * 40),
            identity=catalog.load("full").identity,
            files=tuple(
                ManifestFile(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest(), hub_id="b" * 40)
                for path, data in files.items()
            ),
        )
        for path, data in files.items():
            self.store.put(f"{self.prefix}{version}/{path}", data)
        self.store.put(f"{self.prefix}{version}/manifest.json", manifest.canonical())
        return manifest

    def fill(self, manifest: Manifest, *, folder: str | None = None, **more: frozenset[str]) -> FillResult:
        """Fill the volume."""
        request = FillRequest(
            volume=self.volume,
            prefix=f"{self.prefix}{manifest.version}/",
            folder=folder or manifest.version,
            manifest_sha256=manifest.digest(),
            options=OPTIONS,
            **more,
        )
        return fill(self.store, request, say=self.lines.append)

    def content(self, folder: str = "v1") -> dict[str, bytes]:
        """Everything in a folder of the volume, its manifest aside."""
        root = self.volume / folder
        found = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        del found["manifest.json"]
        return found

    def names(self) -> set[str]:
        """The folders of the volume."""
        return {path.name for path in self.volume.iterdir() if path.is_dir()}


@pytest.fixture
def source(store: StoreClient, prefix: str, tmp_path: Path) -> Source:
    """This test's own prefix and volume."""
    volume = tmp_path / "volume"
    volume.mkdir()
    return Source(store, prefix, volume)


def test_a_volume_gets_every_file_with_its_manifest(source: Source) -> None:
    """A model would be served without a shard, or nobody could say what is on the volume."""
    manifest = source.publish()
    result = source.fill(manifest)
    assert (result.state, result.bytes_moved, result.kept) == ("filled", manifest.total_bytes(), ())
    assert source.content() == FILES
    assert Shelf(source.volume).digest_of("v1") == manifest.digest()
    assert source.names() == {"v1"}


def test_what_is_held_is_not_moved_again(source: Source) -> None:
    """Every deploy would move 47 GB."""
    manifest = source.publish()
    source.fill(manifest)
    again = source.fill(manifest, in_use=frozenset({"v1"}))
    assert (again.state, again.bytes_moved) == ("held", 0)


def test_a_file_that_somebody_removed_is_brought_back(source: Source) -> None:
    """The marker alone would vouch for a folder that cannot be served."""
    manifest = source.publish()
    source.fill(manifest)
    (source.volume / "v1" / "config.json").unlink()
    assert source.fill(manifest).state == "filled"
    assert source.content() == FILES


def test_only_what_is_missing_is_moved_after_a_kill(source: Source) -> None:
    """A kill near the end would cost an hour."""
    manifest = source.publish()
    draft = source.volume / "v1.partial"
    draft.mkdir()
    whole, damaged, cut = list(FILES)[:3]
    (draft / whole).write_bytes(FILES[whole])
    (draft / damaged).write_bytes(b"x" * len(FILES[damaged]))
    (draft / f"{cut}.incomplete").write_bytes(b"{")
    result = source.fill(manifest)
    assert result.bytes_moved == manifest.total_bytes() - len(FILES[whole])
    assert source.content() == FILES


def test_a_changed_object_never_becomes_a_version(source: Source) -> None:
    """Bytes that changed after the import would be served."""
    manifest = source.publish()
    path = "model-00002-of-00002.safetensors"
    source.store.put(f"{source.prefix}v1/{path}", b"x" * len(FILES[path]))
    with pytest.raises(CorruptObjectError, match=r"has the SHA-256 .* aws s3 rm s3://"):
        source.fill(manifest)
    assert source.names() == {"v1.partial"}
    assert not (source.volume / "v1.partial" / path).exists()


def test_an_object_that_became_shorter_is_found(source: Source) -> None:
    """A range of a shorter object answers with fewer bytes, and the rest of the buffer would be old ones."""
    manifest = source.publish()
    source.store.put(f"{source.prefix}v1/model-00001-of-00002.safetensors", b"x" * (5 * MIB + 1))
    with pytest.raises(IntegrityError, match="is shorter than"):
        source.fill(manifest)


def test_an_object_that_is_gone_is_named(source: Source) -> None:
    """'NoSuchKey' alone tells nobody which file to import again."""
    manifest = source.publish()
    source.store.delete([f"{source.prefix}v1/config.json"])
    with pytest.raises(NotFoundError, match=r"config\.json is not there"):
        source.fill(manifest)


def test_a_version_that_was_never_imported_is_refused(source: Source) -> None:
    """A volume without weights would crash-loop the engine instead."""
    manifest = source.publish()
    source.store.delete([f"{source.prefix}v1/manifest.json"])
    with pytest.raises(NoVersionError, match=r"has no manifest.*prefect deployment run import"):
        source.fill(manifest)


def test_a_manifest_that_the_registry_does_not_know_is_refused(source: Source) -> None:
    """The volume would hold other bytes than the service is labelled with."""
    manifest = source.publish()
    other = manifest.model_copy(update={"source": ManifestSource(repo="org/name", commit="c" * 40)})
    with pytest.raises(NoVersionError, match="has the manifest"):
        source.fill(other)


def test_failure_15_a_folder_that_a_pod_reads_is_never_replaced(source: Source) -> None:
    """The volume was filled under a running service (docs/failures.md, row 15)."""
    first = source.publish()
    source.fill(first)
    changed = source.publish(files={**FILES, "config.json": b'{"model_type": "other"}'})
    with pytest.raises(FolderInUseError, match=r"Nothing was changed.*remove/"):
        source.fill(changed, in_use=frozenset({"v1"}))
    assert source.content() == FILES


def test_the_previous_version_stays_and_older_ones_go(source: Source) -> None:
    """A rollback would have no weights to go to, or the volume would fill up for ever."""
    for version in ("v1", "v2", "v3"):
        result = source.fill(source.publish(version))
    assert (result.kept, result.removed) == (("v2",), ("v1",))
    assert source.names() == {"v2", "v3"}


def test_what_serves_is_the_version_that_stays(source: Source) -> None:
    """After a failed deploy the newest other version is the one that failed, not the one to go back to."""
    for version in ("v1", "v2"):
        source.fill(source.publish(version), keep=frozenset({"v1"}))
    result = source.fill(source.publish("v3"), keep=frozenset({"v1"}))
    assert (result.kept, result.removed) == (("v1",), ("v2",))


def test_folders_that_are_not_ours_stay(source: Source) -> None:
    """`lost+found` or a user's own folder would be deleted."""
    (source.volume / "lost+found").mkdir()
    (source.volume / "notes").mkdir()
    (source.volume / "notes" / "letter.txt").write_text("dear")
    for version in ("v1", "v2", "v3"):
        source.fill(source.publish(version))
    assert source.names() == {"v2", "v3", "lost+found", "notes"}


def test_a_version_that_does_not_fit_is_refused_before_a_byte(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """47 GB would be moved to find out that 48 do not fit."""
    manifest = source.publish()
    monkeypatch.setattr(Shelf, "free_bytes", lambda _: 65 * MIB)
    with pytest.raises(NoSpaceError, match=r"0\.0 GiB are still to come|are free.*storage\.size"):
        source.fill(manifest)
    assert not any((source.volume / "v1.partial").iterdir())


def test_a_volume_that_fills_up_meanwhile_is_told_as_such(source: Source) -> None:
    """`[Errno 28]` from the middle of a thread pool tells nobody which setting to change."""
    manifest = source.publish()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    try:
        with pytest.raises(VolumeError, match="File too large"):
            source.fill(manifest)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert source.fill(manifest).state == "filled"


def test_two_fills_of_a_volume_exclude_each_other(source: Source) -> None:
    """Two Jobs would write into one folder."""
    manifest = source.publish()
    with Shelf(source.volume).locked(), pytest.raises(VolumeBusyError) as caught:
        source.fill(manifest)
    assert caught.value.transient


@pytest.fixture
def job(source: Source, s3: S3Server) -> Callable[..., subprocess.Popen[str]]:
    """Start the Job's command line with the environment of its pod."""

    def start(manifest: Manifest, *more: str, **variables: str) -> subprocess.Popen[str]:
        command = [
            sys.executable, "-m", "flows.deploy_model.fill", f"--bucket={s3.bucket}",
            f"--prefix={source.prefix}{manifest.version}/", f"--volume={source.volume}",
            f"--folder={manifest.version}", f"--manifest-sha256={manifest.digest()}", *more,
        ]  # fmt: skip
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(source.volume.parent),
            "AWS_ENDPOINT_URL": s3.endpoint,
            "AWS_ACCESS_KEY_ID": WRITER.id,
            "AWS_SECRET_ACCESS_KEY": WRITER.secret,
            "SLIPWAY_REGISTRY_URL": "http://registry:8080",
            "SLIPWAY_TRANSFER_PART_MIB": "5",
            "TERMINATION_LOG": str(source.volume.parent / "termination"),
            **variables,
        }
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )

    return start


def test_the_job_leaves_its_result_and_survives_a_kill(
    source: Source, job: Callable[..., subprocess.Popen[str]], s3: S3Server
) -> None:
    """The flow would not know what the Job did, or a node's restart would cost the whole fill."""
    manifest = source.publish(
        files={f"{at:02}.bin": hashlib.shake_128(bytes([at])).digest(8 * MIB) for at in range(12)}
    )
    with proxying(s3.endpoint) as proxy:
        proxy.troubles.add(Silence(600), operation="GetObject", key="*/05.bin")
        with job(manifest, SLIPWAY_TRANSFER_FILES="1", AWS_ENDPOINT_URL=proxy.endpoint) as killed:
            assert proxy.troubles.wait_until(bool)
            killed.kill()
    assert source.names() == {"v1.partial"}
    with job(manifest, "--keep=v0", "--in-use=v0") as second:
        output, problems = second.communicate(timeout=240)
    assert second.returncode == 0, problems
    result = FillResult.model_validate_json((source.volume.parent / "termination").read_bytes())
    assert result.state == "filled"
    assert 0 < result.bytes_moved < manifest.total_bytes()
    assert result.sentence() in output


def test_the_job_says_what_went_wrong_in_one_sentence(
    source: Source, job: Callable[..., subprocess.Popen[str]]
) -> None:
    """The flow's diagnosis would be 'exit code 1' and a traceback."""
    manifest = source.publish()
    with job(manifest, AWS_SECRET_ACCESS_KEY="wrong") as failed:
        _, problems = failed.communicate(timeout=240)
    assert failed.returncode == 1
    said = (source.volume.parent / "termination").read_text()
    assert "the access key is not accepted" in said
    assert "Traceback" not in problems


def test_the_result_fits_into_a_termination_message(source: Source) -> None:
    """Kubernetes keeps 4 KiB: a longer result would be cut, and could not be read."""
    result = source.fill(source.publish())
    assert len(json.dumps(result.model_dump())) < 2048
