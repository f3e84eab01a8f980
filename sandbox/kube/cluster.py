"""The whole cluster in one event loop: API server, controllers and kubelet, started and stopped in order."""

import asyncio
import logging
import os
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aiohttp import web

from sandbox.kube.api.auth import Endpoint, Tokens, write_kubeconfig
from sandbox.kube.api.certificates import server_context
from sandbox.kube.api.listener import Listener
from sandbox.kube.api.pods import PodHandlers
from sandbox.kube.api.server import application
from sandbox.kube.api.target import Options, Target
from sandbox.kube.api.verbs import Verbs
from sandbox.kube.client import Client
from sandbox.kube.controllers.cleanup import ClaimBinder, DefaultAccounts, EventTtl, JobTtl
from sandbox.kube.controllers.deployments import DeploymentController
from sandbox.kube.controllers.endpoints import EndpointsController
from sandbox.kube.controllers.garbage import GarbageCollector
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.controllers.jobs import JobController
from sandbox.kube.controllers.quota_status import QuotaStatus
from sandbox.kube.controllers.replica_sets import ReplicaSetController
from sandbox.kube.controllers.scheduler import Scheduler
from sandbox.kube.kubelet.agent import Kubelet
from sandbox.kube.kubelet.images import ImageMap
from sandbox.kube.kubelet.nodes import read_nodes
from sandbox.kube.kubelet.proxy import NodePortProxy
from sandbox.kube.resources import Catalog
from sandbox.kube.store import Store

_log = logging.getLogger(__name__)
_NAMESPACES = ("default", "kube-system", "kube-public")


class _Runs(Protocol):
    async def run(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the cluster keeps its state and how it is reached."""

    state: Path
    port: int
    images: Path
    kubeconfig: Path
    namespace: str = "default"
    nodes: Path | None = None
    ready_fd: int | None = None


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Run the cluster until `stop` is set, then end its containers and go."""
    settings.state.mkdir(parents=True, exist_ok=True)
    settings.state.chmod(0o700)  # it holds Secrets
    store = Store(settings.state / "objects.sqlite")
    verbs, tokens = Verbs(store, Catalog()), Tokens(store)
    pod_handlers = PodHandlers(verbs, tokens)
    _ensure_namespaces(verbs)
    context, authority = server_context(settings.state / "tls")
    endpoint = Endpoint(server=f"https://127.0.0.1:{settings.port}", authority=authority)
    runner = web.AppRunner(
        application(verbs, tokens, pod_handlers), handler_cancellation=True, access_log=None, shutdown_timeout=0.5
    )
    await runner.setup()
    try:
        async with Listener(runner, context, port=settings.port), AsyncExitStack() as stack:

            async def client(agent: str) -> Client:
                trusting = ssl.create_default_context(cafile=endpoint.authority)
                return await stack.enter_async_context(
                    Client(endpoint.server, token=tokens.admin, agent=agent, context=trusting)
                )

            watcher = await client("kube-controller-manager")
            jobs, pods = Informer(watcher, "/apis/batch/v1/jobs"), Informer(watcher, "/api/v1/pods")
            nodes, namespaces = Informer(watcher, "/api/v1/nodes"), Informer(watcher, "/api/v1/namespaces")
            claims, events = Informer(watcher, "/api/v1/persistentvolumeclaims"), Informer(watcher, "/api/v1/events")
            deployments = Informer(watcher, "/apis/apps/v1/deployments")
            replica_sets = Informer(watcher, "/apis/apps/v1/replicasets")
            services, endpoints = Informer(watcher, "/api/v1/services"), Informer(watcher, "/api/v1/endpoints")
            quotas = Informer(watcher, "/api/v1/resourcequotas")
            kubelet = Kubelet(
                await client("kubelet"),
                pods=pods,
                folder=settings.state,
                images=ImageMap(settings.images),
                nodes=read_nodes(settings.nodes),
                endpoint=endpoint,
                tokens=tokens,
            )
            pod_handlers.logs = kubelet
            informers = [jobs, pods, nodes, namespaces, claims, events]
            informers += [deployments, replica_sets, services, endpoints, quotas]
            rollouts, replicas = await client("deployment-controller"), await client("replicaset-controller")
            controllers: list[_Runs] = [
                JobController(await client("job-controller"), jobs=jobs, pods=pods),
                DeploymentController(rollouts, deployments=deployments, replica_sets=replica_sets, pods=pods),
                ReplicaSetController(replicas, replica_sets=replica_sets, pods=pods),
                EndpointsController(watcher, services=services, pods=pods, endpoints=endpoints),
                QuotaStatus(watcher, quotas=quotas, pods=pods),
                Scheduler(await client("default-scheduler"), pods=pods, nodes=nodes),
                JobTtl(watcher, jobs),
                EventTtl(watcher, events),
                DefaultAccounts(watcher, namespaces),
                ClaimBinder(watcher, claims),
                GarbageCollector(verbs),
            ]
            followers: list[_Runs] = [*informers, kubelet, NodePortProxy(services=services, endpoints=endpoints)]
            loops = [asyncio.create_task(follower.run()) for follower in followers]
            deciding = [asyncio.create_task(controller.run()) for controller in controllers]
            write_kubeconfig(settings.kubeconfig, endpoint, token=tokens.admin, namespace=settings.namespace)
            _log.info("serving the Kubernetes API at %s", endpoint.server)
            if settings.ready_fd is not None:
                os.write(settings.ready_fd, b"ready\n")
                os.close(settings.ready_fd)
            await _until(stop, [*loops, *deciding])
            await _cancel(deciding)  # first: nobody shall replace the pods that end now
            await kubelet.shut_down()
            await _cancel(loops)
    finally:
        store.close()
        await runner.cleanup()


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the stop; a controller that dies takes the cluster with it rather than leave it half alive."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in done - {stopping}:
        if error := task.exception():
            _log.error("a control loop died", exc_info=error)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _ensure_namespaces(verbs: Verbs) -> None:
    resource = verbs.catalog.find(group="", version="v1", plural="namespaces")
    if resource is None:
        raise RuntimeError("namespaces are not served")
    for name in _NAMESPACES:
        if verbs.store.get(resource.key, ("", name)) is None:
            verbs.create(Target(resource=resource), {"metadata": {"name": name}}, Options(manager="kube-apiserver"))
