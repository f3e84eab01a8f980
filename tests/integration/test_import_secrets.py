"""What an import writes, in every place where somebody could read it, holds no secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import kubernetes
import pytest
from prefect.logging.handlers import APILogWorker

from tests.integration.import_site import Site
from tests.integration.import_world import HUB_TOKEN, NAMESPACE, QUAY_PASSWORD
from tests.integration.s3_server import WRITER

SECRETS = {
    "the Hub's token": HUB_TOKEN,
    "ten characters of it": HUB_TOKEN[:10],
    "the store's secret": WRITER.secret,
    "the image registry's password": QUAY_PASSWORD,
    "the same in base64": base64.b64encode(QUAY_PASSWORD.encode()).decode(),
}


def pages(site: Site, path: str) -> Iterator[Any]:
    """Everything that a query finds: the API gives 200 at a time, and the oldest first."""
    offset = 0
    while page := site.ask_prefect(path, {"offset": offset}):
        yield from page
        offset += len(page)


def prefects(site: Site) -> Iterator[tuple[str, str]]:
    """What its API gives: logs, artifacts, runs with their parameters, blocks with their secrets."""
    APILogWorker.drain_all()  # it sends what was logged every two seconds
    for path in ("logs", "artifacts", "flow_runs", "task_runs", "deployments"):
        yield f"Prefect's {path}", json.dumps(list(pages(site, f"/{path}/filter")))
    blocks = site.ask_prefect("/block_documents/filter", {"include_secrets": True})
    assert len(blocks) >= 4
    yield "the block documents", json.dumps(blocks)


@contextmanager
def building(site: Site) -> Iterator[list[tuple[str, str]]]:
    """Follow a build's Job and pod to their deletion; filled when the block ends. Its log goes to Prefect."""
    client = kubernetes.config.new_client_from_config(str(site.world.kubeconfig))
    core, batch = kubernetes.client.CoreV1Api(client), kubernetes.client.BatchV1Api(client)
    seen: list[tuple[str, str]] = []

    def follow(listing: Callable[..., Any], since: str) -> None:
        for event in kubernetes.watch.Watch().stream(listing, NAMESPACE, resource_version=since, timeout_seconds=240):
            seen.append((f"{event['type']} {event['raw_object']['kind']}", json.dumps(event["raw_object"])))
            if event["type"] == "DELETED":
                return

    with ThreadPoolExecutor() as threads:
        following = [
            threads.submit(follow, listing, listing(NAMESPACE).metadata.resource_version)
            for listing in (core.list_namespaced_pod, batch.list_namespaced_job, core.list_namespaced_config_map)
        ]
        yield seen
        for each in following:
            each.result()


def stores(site: Site) -> Iterator[tuple[str, str]]:
    """Every object of the bucket, and the registry's database."""
    store = site.s3_client()
    for key in site.objects(""):
        found = store.get_object(Bucket=site.bucket, Key=key)
        yield f"s3://{site.bucket}/{key}", found["Body"].read().decode("latin-1") + json.dumps(found["Metadata"])
    for file in site.folder.glob("registry.db*"):
        yield file.name, file.read_bytes().decode("latin-1")


def test_failure_16_no_secret_is_written_anywhere(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    """Ten characters of the Hub's token were printed into a log that everybody could read.

    It is docs/failures.md, row 16.
    """
    site.set(SLIPWAY_IMAGE_REPOSITORY=f"oci:{site.folder}/images", PREFECT_LOGGING_LEVEL="DEBUG")
    site.register()
    with building(site) as built:
        site.run()
    printed = capfd.readouterr()
    places = [*prefects(site), *built, *stores(site), ("the terminal", printed.out + printed.err)]
    found = [f"{what} is in {where}" for where, text in places for what, secret in SECRETS.items() if secret in text]
    assert found == []
    assert "take-stock" in dict(places)["Prefect's task_runs"]
    assert "STEP 1" in dict(places)["Prefect's logs"]


def test_failure_16_the_weights_are_closed_to_who_has_no_key(site: Site) -> None:
    """The bucket was readable by anyone (docs/failures.md, row 16)."""
    site.run()
    for key in site.objects(""):
        assert httpx.get(f"{site.world.s3.endpoint}/{site.bucket}/{key}").status_code == httpx.codes.FORBIDDEN
