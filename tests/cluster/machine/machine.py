"""Brings the cluster up: what is not there is made, what does not run is started."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from sandbox import processes
from tests.cluster.machine import (
    api,
    certificates,
    cgroups,
    debian,
    definitions,
    images,
    kubeconfigs,
    kubernetes,
    network,
    node,
    traces,
)
from tests.cluster.machine.components import Component, components
from tests.cluster.machine.errors import NotReadyError, WrongMachineError
from tests.cluster.machine.health import await_ready, trouble_of
from tests.cluster.machine.layout import NODE, Layout

_START_SECONDS = 90.0
_NODE_SECONDS = 120.0
# As they name themselves: some distributions have the kubelet in a program with everything else.
_KUBELETS = ("kubelet", "k3s-server", "k3s-agent", "kubelite", "k0s")

Teller = Callable[[str], None]


def up(layout: Layout, *, tell: Teller) -> None:
    """Make and start what is not there yet; what runs is left alone.

    Args:
        layout: the cluster's paths.
        tell: told each step.

    Raises:
        MachineError: something cannot be made or does not start.
    """
    debian.require_machine()
    layout.require_alone()
    _require_no_other_node(layout)
    layout.create()
    install_log, build_log = layout.logs / "packages.log", layout.logs / "build.log"
    tell("packages from Debian")
    debian.install(debian.RUN_TIME, log=install_log)
    tell("Kubernetes' programs (built once, which takes minutes)")
    binaries = kubernetes.binaries(log=build_log)
    _require_no_other_node(layout)  # again: the build took minutes
    certificates.make(layout)
    kubeconfigs.write(layout)
    traces.remember(layout)
    network.set_up()
    cgroups.make()
    for component in components(layout, binaries=binaries):
        if start(component, layout=layout):
            tell(f"{component.name} started")
        if component.name == "registry":
            # Before the kubelet comes: no pod starts without the image that holds its network.
            images.push_pause(layout)
    _await_node(layout)
    _give_gpus(layout)
    tell(definitions.install(layout))
    tell(f"node {NODE} is ready, with {node.GPUS} GPUs to the scheduler")


def start(component: Component, *, layout: Layout) -> bool:
    """Start a component unless it runs, and wait until it is well; tell whether it had to be started."""
    file = layout.pids / component.name
    running = processes.read(file)
    if running is not None and processes.is_running(running):
        return False
    if isinstance(component.address, Path):
        # A killed server leaves its socket, which would pass for the new one's.
        component.address.unlink(missing_ok=True)
    process = processes.start(
        component.command,
        environment={**os.environ, processes.MEMBER_VARIABLE: mark(layout), **component.variables},
        folder=layout.root,
        log=layout.logs / f"{component.name}.log",
        mark=component.name,
    )
    processes.write(file, process)
    await_ready(component, process, layout=layout, seconds=_START_SECONDS)
    return True


def stop(component: Component, *, layout: Layout) -> None:
    """End a component; one that does not run is no error."""
    file = layout.pids / component.name
    process = processes.read(file)
    if process is not None:
        processes.stop(process, grace=component.stop_seconds)
        file.unlink()


def status(layout: Layout) -> dict[str, str]:
    """Say of each component whether it runs well."""
    if not layout.is_ours:
        return {}
    told: dict[str, str] = {}
    for component in components(layout, binaries=kubernetes.cache()):
        process = processes.read(layout.pids / component.name)
        runs = process is not None and processes.is_running(process)
        told[component.name] = (trouble_of(component, layout=layout) or "well") if runs else "not running"
    return told


def stop_by_name(name: str, *, layout: Layout) -> None:
    """End a component of which only the name is known."""
    stop(Component(name=name, command=(), address=""), layout=layout)


def mark(layout: Layout) -> str:
    """What every process of the cluster carries, and passes on."""
    return f"{layout.root}#cluster"


def _require_no_other_node(layout: Layout) -> None:
    """Refuse a machine that is a node already: two kubelets share folders and rules that no setting moves."""
    ours = processes.read(layout.pids / "kubelet")
    for name in Path("/proc").glob("[0-9]*/comm"):
        try:
            program = name.read_text().strip()
        except OSError:  # it ended meanwhile
            continue
        pid = int(name.parent.name)
        # One that has ended may wait for init to notice, seconds after `down`.
        runs = program in _KUBELETS and processes.identity(pid) is not None
        if runs and (ours is None or ours.pid != pid):
            raise WrongMachineError(reason=f"process {pid} ({program}) is a kubelet already")


def _await_node(layout: Layout) -> None:
    deadline = time.monotonic() + _NODE_SECONDS
    while True:
        nodes = api.get("/api/v1/nodes", layout=layout)["items"]
        conditions = [condition for item in nodes for condition in item["status"].get("conditions", ())]
        ready = next((condition for condition in conditions if condition["type"] == "Ready"), None)
        if ready is not None and ready["status"] == "True":
            return
        if time.monotonic() > deadline:
            reason = ready["message"] if ready else "the node has not come"
            raise NotReadyError(component=NODE, reason=reason, log=layout.logs / "kubelet.log")
        time.sleep(0.5)


def _give_gpus(layout: Layout) -> None:
    api.patch(f"/api/v1/nodes/{NODE}/status", node.gpu_patch(), layout=layout)
