"""Takes the cluster down without a trace; what fails on the way is told at the end, and keeps nothing else alive."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sandbox import processes
from sandbox.errors import SandboxError
from tests.cluster.machine import cgroups, containers, debian, machine, network, rules, traces
from tests.cluster.machine.components import NAMES
from tests.cluster.machine.errors import LeftoverError, MachineError
from tests.cluster.machine.layout import BRIDGE, RUN, Layout


def down(layout: Layout, *, tell: Callable[[str], None]) -> None:
    """End everything, and remove what it left in the machine: mounts, devices, rules, control groups, the folder.

    Raises:
        LeftoverError: something is still there, or could not be tried.
    """
    if not layout.is_ours:
        return
    debian.require_machine()
    troubles = [*attempt(_steps(layout)), *remains(layout)]
    if not troubles:
        # Last, and only now: it knows how the machine was before, and removing it would empty what is mounted there.
        for folder in (RUN, layout.root):
            shutil.rmtree(folder, ignore_errors=True)
        troubles = [f"folder {folder}" for folder in (RUN, layout.root) if folder.exists()]
    if troubles:
        raise LeftoverError(what="; ".join(troubles))
    tell("the cluster is gone")


def attempt(steps: list[Callable[[], object]]) -> list[str]:
    """Take every step, also after one that failed; return what the failures said."""
    said = []
    for step in steps:
        try:
            step()
        except (MachineError, SandboxError, OSError) as error:
            said.append(str(error))
    return said


def remains(layout: Layout) -> list[str]:
    """Name what is left of a cluster on this machine, its folders aside; nothing while there never was one."""
    devices = [device.name for device in Path("/sys/class/net").iterdir()]
    return [
        *(f"process {pid}" for pid in processes.members(machine.mark(layout))),
        *(f"mount {point}" for point in containers.mounted_below(layout.root, RUN)),
        *(f"device {name}" for name in devices if name == BRIDGE or _is_pods_end(name)),
        *(f"rule {rule}" for rule in traces.new_rules(layout)),
        *(f"control group {group}" for group in cgroups.groups()),
    ]


def _steps(layout: Layout) -> list[Callable[[], object]]:
    stops = {name: partial(machine.stop_by_name, name, layout=layout) for name in reversed(NAMES)}
    above = [stop for name, stop in stops.items() if NAMES.index(name) > NAMES.index("containerd")]
    below = [stop for name, stop in stops.items() if NAMES.index(name) <= NAMES.index("containerd")]
    return [
        *above,
        # By their control group: that also finds containers whose containerd or shim was killed.
        cgroups.kill_pods,
        *below,
        # The shims outlive containerd, and a component whose pid file was lost still carries the mark.
        partial(processes.end_members, machine.mark(layout)),
        partial(containers.unmount_below, layout.root, RUN),
        network.remove_devices,
        cgroups.remove,
        *(partial(traces.remove_rules, tool, layout=layout) for tool in rules.TOOLS),
        partial(traces.put_back, layout),
    ]


def _is_pods_end(name: str) -> bool:
    device = Path("/sys/class/net") / name / "master"
    return device.exists() and device.resolve().name == BRIDGE
