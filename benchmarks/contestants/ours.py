"""Our transfer as the flow runs it, without Prefect: files in turns, ranges into parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prefect_aws import AwsCredentials
from prefect_aws.client_parameters import AwsClientParameters

from benchmarks.contestants import Errand
from blocks.hub import HubClient, ModelHub
from blocks.hub_files import HubFile, HubRevision
from blocks.object_store import ObjectStore, StoreClient
from deployments.settings import settings
from flows.import_model.options import TransferOptions
from flows.import_model.progress import Progress
from flows.import_model.transfer import abort_leftovers, transfer_file


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a transfer, and the files between them."""

    hub: HubClient
    store: StoreClient
    revision: HubRevision


def options() -> TransferOptions:
    """How much is in flight, as the flow reads it from the settings."""
    return TransferOptions.of(settings())


def ends(errand: Errand) -> Ends:
    """Open both ends as the environment names them."""
    hub = ModelHub(endpoint=os.environ["HF_ENDPOINT"]).client()
    parameters = AwsClientParameters(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    block = ObjectStore(credentials=AwsCredentials(aws_client_parameters=parameters), bucket=errand.bucket)
    return Ends(hub, block.client(), hub.resolve(errand.repo, revision="main"))


def each(files: Iterable[HubFile], do: Callable[[HubFile], object], *, at_once: int) -> None:
    """Do something with every file, the largest first."""
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(do, sorted(files, key=lambda file: -file.size)))


def run(errand: Errand) -> None:
    """Move what is missing; unfinished uploads of an earlier run are aborted first, as the flow does."""
    way = ends(errand)
    abort_leftovers(way.store, prefix=errand.prefix)
    progress = Progress(total=sum(file.size for file in way.revision.files), done=0, options=options())

    def move(file: HubFile) -> None:
        with progress.attempt(size=file.size) as attempt:
            transfer_file(
                way.hub, way.store, repo=errand.repo, commit=way.revision.commit, file=file,
                key=errand.prefix + file.path, attempt=attempt,
            )  # fmt: skip

    each(way.revision.files, move, at_once=options().in_flight)
