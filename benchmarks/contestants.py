"""Ways to bring a repository from a Hub into S3, each run alone in a process: `python -m benchmarks.contestants NAME`.

All read HF_ENDPOINT, AWS_ENDPOINT_URL and AWS keys from the environment, and the repository, bucket and prefix from
the arguments. The limits move the same bytes half the way: downloads to nowhere, uploads out of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import boto3
from botocore.config import Config
from huggingface_hub import snapshot_download
from prefect_aws import AwsCredentials
from prefect_aws.client_parameters import AwsClientParameters

from blocks.hub import HubClient, ModelHub
from blocks.hub_files import HubFile, HubRevision
from blocks.object_store import ObjectStore, StoreClient
from blocks.objects import UploadedPart
from flows.import_model.parts import Part, plan_parts
from flows.import_model.transfer import TransferOptions, transfer_file

R = TypeVar("R")

FILES_AT_ONCE = 2
OPTIONS = TransferOptions()


def slipway(repo: str, bucket: str, prefix: str) -> None:
    """Our transfer, as the flow runs it, without Prefect."""
    hub, store, revision = _open(repo, bucket)

    def move(file: HubFile) -> None:
        transfer_file(
            hub, store, repo=repo, commit=revision.commit, file=file, key=prefix + file.path, options=OPTIONS,
            on_bytes=lambda _: None,
        )  # fmt: skip

    _each(revision.files, move)


def snapshot_then_upload(repo: str, bucket: str, prefix: str) -> None:
    """What everybody does: `snapshot_download`, then `upload_file` for every file."""
    s3 = boto3.client("s3", config=Config(request_checksum_calculation="when_required"))
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_SCRATCH")) as scratch:
        folder = Path(snapshot_download(repo, local_dir=scratch))
        for path in sorted(folder.rglob("*")):
            if path.is_file() and ".cache" not in path.relative_to(folder).parts:
                s3.upload_file(str(path), bucket, prefix + path.relative_to(folder).as_posix())


def download_only(repo: str, bucket: str, prefix: str) -> None:  # noqa: ARG001 - all contestants have one signature
    """The Hub's limit: our ranged reads, thrown away."""
    hub, _, revision = _open(repo, bucket)

    def read(file: HubFile) -> None:
        source = hub.open(repo, commit=revision.commit, file=file)

        def fetch(part: Part) -> None:
            source.read_into(part.start, memoryview(bytearray(part.size)))

        _parts(file, fetch)

    _each(revision.files, read)


def upload_only(repo: str, bucket: str, prefix: str) -> None:
    """The store's limit: the same parts, from memory."""
    _, store, revision = _open(repo, bucket)
    body = bytearray(OPTIONS.part_bytes)

    def write(file: HubFile) -> None:
        if file.size <= OPTIONS.part_bytes:
            store.put(prefix + file.path, body[: file.size])
            return
        upload = store.start_upload(prefix + file.path, metadata={})

        def send(part: Part) -> UploadedPart:
            return store.upload_part(upload, number=part.number, body=body[: part.size])

        store.complete_upload(upload, parts=_parts(file, send), size=file.size, metadata={})

    _each(revision.files, write)


def _open(repo: str, bucket: str) -> tuple[HubClient, StoreClient, HubRevision]:
    hub = ModelHub(endpoint=os.environ["HF_ENDPOINT"]).client()
    parameters = AwsClientParameters(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    store = ObjectStore(credentials=AwsCredentials(aws_client_parameters=parameters), bucket=bucket).client()
    return hub, store, hub.resolve(repo, revision="main")


def _each(files: Sequence[HubFile], do: Callable[[HubFile], None]) -> None:
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        list(pool.map(do, sorted(files, key=lambda file: -file.size)))


def _parts(file: HubFile, do: Callable[[Part], R]) -> list[R]:
    with ThreadPoolExecutor(OPTIONS.ranges) as pool:
        return list(pool.map(do, plan_parts(file.size, wanted=OPTIONS.part_bytes)))


def peak() -> int:
    """Peak memory of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


CONTESTANTS = {
    "slipway": slipway,
    "snapshot_download + upload_file": snapshot_then_upload,
    "limit: download only": download_only,
    "limit: upload only": upload_only,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTESTANTS)
    parser.add_argument("repo")
    parser.add_argument("bucket")
    parser.add_argument("prefix")
    chosen = parser.parse_args()
    # Imports are not part of it: a flow pays for them once, whatever it moves.
    before, began = time.process_time(), time.monotonic()
    CONTESTANTS[chosen.name](chosen.repo, chosen.bucket, chosen.prefix)
    print(
        json.dumps(
            {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - before, "peak_bytes": peak()}
        )
    )
