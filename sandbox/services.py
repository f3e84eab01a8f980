"""The servers of the sandbox: how each is started, what it waits for, and how one knows that it is well."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import environment, image_map, layout, nodes, processes, seaweed
from sandbox.health import Probe
from sandbox.layout import Layout, program

Check = tuple[Probe, ...]


@dataclass(frozen=True)
class Service:
    """A server process.

    Attributes:
        name: as users type it.
        command: program and arguments.
        variables: added to what it inherits.
        ports: names of the ports it listens on, first the one that people use.
        probes: all succeed when it is well.
        needs: steps or services to wait for.
        prepare: makes the files that it reads.
        leftovers: files outside the state folder that it may leave behind.
        start_seconds: after this it is given up.
        stop_seconds: how long it may take to end by itself.
    """

    name: str
    command: tuple[str, ...]
    ports: tuple[str, ...]
    probes: Check
    variables: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    prepare: Callable[[Layout], None] | None = None
    leftovers: tuple[Path, ...] = ()
    start_seconds: float = 60
    stop_seconds: float = 10

    @property
    def fingerprint(self) -> str:
        """Changes when a running process would no longer be what is asked for, for example on another port."""
        told = json.dumps([self.command, dict(self.variables)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def environment_of(service: Service, *, at: Layout) -> dict[str, str]:
    """All variables of the service's process."""
    return {
        **environment.inherited(),
        "PYTHONPATH": str(layout.PROJECT),
        "PYTHONUNBUFFERED": "1",
        processes.MEMBER_VARIABLE: f"{at.root}#{service.name}",
        **service.variables,
    }


def _s3(at: Layout) -> Service:
    return Service(
        name="s3",
        command=seaweed.command(at),
        ports=seaweed.PORTS,
        probes=seaweed.probes(at),
        prepare=seaweed.prepare,
        leftovers=seaweed.sockets(at),
        stop_seconds=seaweed.STOP_SECONDS,
    )


def _hub(at: Layout) -> Service:
    return Service(
        name="hub",
        command=_own(
            "hub",
            *("--root", str(at.hub)),
            *("--port", str(at.ports["hub"])),
            *("--cdn-port", str(at.ports["hub-cdn"])),
            *("--faults", str(at.root / "hub-faults.json")),
        ),
        variables={"SANDBOX_HUB_TOKENS": f"{at.secrets.hub_token}:sandbox"},
        ports=("hub", "hub-cdn"),
        probes=(Probe(f"{at.url('hub')}/healthz"),),
    )


def _registry(at: Layout) -> Service:
    database = at.root / "registry" / "registry.db"
    return Service(
        name="registry",
        command=_own("registry", "--database", str(database), "--port", str(at.ports["registry"])),
        ports=("registry",),
        probes=(Probe(f"{at.url('registry')}/healthz"),),
    )


def _kube(at: Layout) -> Service:
    return Service(
        name="kube",
        command=_own(
            "kube",
            *("--state", str(at.root / "kube" / "state")),
            *("--port", str(at.ports["kube"])),
            *("--images", str(at.image_map)),
            *("--nodes", str(at.nodes)),
            *("--kubeconfig", str(at.kubeconfig)),
            *("--namespace", layout.NAMESPACE),
        ),
        ports=("kube",),
        prepare=_prepare_kube,
        probes=(Probe(f"{at.url('kube')}/healthz"),),
    )


def _prepare_kube(at: Layout) -> None:
    image_map.write(at)
    nodes.write(at)


def _kserve(at: Layout) -> Service:
    return Service(
        name="kserve",
        command=_own(
            "kserve",
            *("--kubeconfig", str(at.kubeconfig)),
            *("--storage-initializer-image", environment.STORAGE_INITIALIZER_IMAGE),
            *("--node-address", "127.0.0.1"),
            *("--port", str(at.ports["kserve"])),
        ),
        ports=("kserve",),
        probes=(Probe(f"{at.url('kserve')}/healthz"),),
        needs=("kube", "cluster"),
    )


def _prefect(at: Layout) -> Service:
    return Service(
        name="prefect",
        command=(program("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(at.ports["prefect"])),
        variables={
            **_prefect_settings(at),
            **environment.notification(),
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_UI_URL": at.url("prefect"),
            # In memory, a restart of the server would end every run that holds a slot of its deployment's limit.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        },
        ports=("prefect",),
        probes=(Probe(f"{at.url('prefect')}/api/health", contains="true"),),
        start_seconds=120,
    )


def _worker(at: Layout) -> Service:
    return Service(
        name="worker",
        command=(
            *(program("prefect"), "worker", "start", "--pool", "slipway", "--type", "kubernetes"),
            *("--name", "sandbox", "--install-policy", "never", "--with-healthcheck"),
            # A pool that the worker makes itself would have Prefect's own template, and pods without our environment.
            *("--base-job-template", str(layout.PROJECT / "deployments" / "work-pool.json")),
        ),
        variables={
            **_prefect_settings(at),
            "KUBECONFIG": str(at.kubeconfig),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
            "PREFECT_WORKER_WEBSERVER_PORT": str(at.ports["worker"]),
            # Without it the worker watches the pods of the whole cluster.
            "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES": layout.NAMESPACE,
        },
        ports=("worker",),
        probes=(Probe(f"{at.url('worker')}/health"),),
        needs=("prefect", "kube", "cluster"),
        start_seconds=120,
    )


def _prefect_settings(at: Layout) -> dict[str, str]:
    known = environment.terminal(at)
    return {name: value for name, value in known.items() if name.startswith("PREFECT_") or name == "DO_NOT_TRACK"}


def _own(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"sandbox.{name}", *arguments)


_KINDS: dict[str, Callable[[Layout], Service]] = {
    "s3": _s3,
    "hub": _hub,
    "registry": _registry,
    "kube": _kube,
    "kserve": _kserve,
    "prefect": _prefect,
    "worker": _worker,
}
NAMES = tuple(_KINDS)
"""In the order of starting; they are stopped in the reverse order."""


def service(name: str, *, at: Layout) -> Service:
    """A service of the sandbox whose paths and ports are `at`."""
    return _KINDS[name](at)
