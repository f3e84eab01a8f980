"""Brings the cluster up and takes it down, without a trace."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from sandbox import processes
from tests.cluster.machine import (
    api,
    certificates,
    cgroups,
    containers,
    debian,
    definitions,
    images,
    kubeconfigs,
    kubernetes,
    network,
    node,
    traces,
)
from tests.cluster.machine.components import NAMES, Component, components
from tests.cluster.machine.errors import LeftoverError, NotReadyError, WrongMachineError
from tests.cluster.machine.health import await_ready, trouble_of
from tests.cluster.machine.layout import BRIDGE, NODE, RUN, Layout

_START_SECONDS = 90.0
_NODE_SECONDS = 120.0

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
    _require_no_other_kubelet(layout)
    layout.create()
    install_log, build_log = layout.logs / "packages.log", layout.logs / "build.log"
    tell("packages from Debian")
    debian.install(debian.RUN_TIME, log=install_log)
    tell("Kubernetes' programs (built once, which takes minutes)")
    binaries = kubernetes.binaries(log=build_log)
    _require_no_other_kubelet(layout)  # again: the build took minutes
    certificates.make(layout)
    kubeconfigs.write(layout)
    traces.remember(layout)
    network.set_up()
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
    process = processes.start(
        component.command,
        environment={**os.environ, processes.MEMBER_VARIABLE: _mark(layout), **component.variables},
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


def down(layout: Layout, *, tell: Teller) -> None:
    """End everything, and remove what it left in the machine: mounts, devices, rules, control groups, the folder.

    Raises:
        LeftoverError: something is still there.
        MachineError: a tool failed.
    """
    if not layout.is_ours:
        return
    debian.require_machine()
    for name in reversed(NAMES):
        if name == "containerd":
            # By their control group: that also finds containers whose containerd or shim was killed.
            cgroups.kill_pods()
        _stop_by_name(name, layout=layout)
    # The shims outlive containerd, and a component whose pid file was lost still carries the mark.
    processes.end_members(_mark(layout))
    containers.unmount_below(layout.root, RUN)
    network.tear_down()
    cgroups.remove()
    traces.put_back(layout)
    for folder in (RUN, layout.root):
        shutil.rmtree(folder, ignore_errors=True)
    leftovers = remains(layout)
    if leftovers:
        raise LeftoverError(what=", ".join(leftovers))
    tell("the cluster is gone")


def remains(layout: Layout) -> list[str]:
    """Name what is left of a cluster on this machine; nothing while there never was one."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    devices = [device.name for device in Path("/sys/class/net").iterdir()]
    return [
        *(f"process {pid}" for pid in processes.members(_mark(layout))),
        *(f"mount {point}" for point in mounts if point.startswith((f"{layout.root}/", f"{RUN}/"))),
        *(f"device {name}" for name in devices if name == BRIDGE or _is_pods_end(name)),
        *(f"folder {folder}" for folder in (layout.root, RUN) if folder.exists()),
    ]


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


def _stop_by_name(name: str, *, layout: Layout) -> None:
    stop(Component(name=name, command=(), address=""), layout=layout)


def _mark(layout: Layout) -> str:
    return f"{layout.root}#cluster"


def _require_no_other_kubelet(layout: Layout) -> None:
    """Refuse a machine that is a node already: two kubelets share folders and control groups that no setting moves."""
    ours = processes.read(layout.pids / "kubelet")
    for name in Path("/proc").glob("[0-9]*/comm"):
        try:
            is_kubelet = name.read_text().strip() == "kubelet"
        except OSError:  # it ended meanwhile
            continue
        pid = int(name.parent.name)
        if is_kubelet and (ours is None or ours.pid != pid):
            raise WrongMachineError(reason=f"process {pid} is a kubelet already")


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


def _is_pods_end(name: str) -> bool:
    device = Path("/sys/class/net") / name / "master"
    return device.exists() and device.resolve().name == BRIDGE
