"""The sandbox's Kubernetes API as kubernetes_asyncio, Prefect's client, sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import kubernetes_asyncio
import pytest
from kubernetes_asyncio.client import ApiClient, BatchV1Api, CoreV1Api
from kubernetes_asyncio.config import new_client_from_config

from tests.integration.sandbox_kube import PATIENCE, Server, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Serve a cluster."""
    with serving(tmp_path) as server:
        yield server


def test_a_job_is_created_watched_and_its_log_read(server: Server) -> None:
    """Prefect's worker does exactly this for every flow run."""

    async def script() -> tuple[list[str], str]:
        client: ApiClient = await new_client_from_config(str(server.kubeconfig))
        async with client:
            container = {"name": "main", "image": "sh", "command": ["sh", "-c", "echo hello"]}
            template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
            job = {"metadata": {"generateName": "run-"}, "spec": {"backoffLimit": 0, "template": template}}
            name = (await BatchV1Api(client).create_namespaced_job("default", job)).metadata.name
            phases = []
            async with kubernetes_asyncio.watch.Watch() as watch:
                core = CoreV1Api(client)
                selector = f"job-name={name}"
                stream = watch.stream(
                    core.list_namespaced_pod, "default", label_selector=selector, timeout_seconds=PATIENCE
                )
                async for event in stream:
                    phases.append(event["object"].status.phase)
                    pod = event["object"].metadata.name
                    if phases[-1] in {"Succeeded", "Failed"}:
                        break
            return phases, await core.read_namespaced_pod_log(pod, "default")

    phases, log = asyncio.run(script())
    assert (phases[-1], log) == ("Succeeded", "hello\n")
