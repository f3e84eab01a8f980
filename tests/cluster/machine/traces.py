"""What the components change in the machine itself, remembered before and put back after."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.cluster.machine import rules
from tests.cluster.machine.layout import Layout
from tests.cluster.machine.settings import write_json

_PROC = Path("/proc/sys")
_NEEDED = {
    "net/ipv4/ip_forward": "1",
    # Traffic between two pods of one bridge must pass the rules too, or answers come back from a stranger's address.
    "net/bridge/bridge-nf-call-iptables": "1",
}
_BY_KUBELET = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")
_BY_PROXY = ("net/ipv4/conf/all/route_localnet", "net/netfilter/nf_conntrack_max")
# Paths that are compiled into kubelet, containerd's shims and the network plugins.
_FOLDERS = ("/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods")


def remember(layout: Layout) -> None:
    """Note the kernel's settings, which folders and rules exist, once per cluster; then set what routing takes."""
    if not layout.traces.exists():
        names = (*_NEEDED, *_BY_KUBELET, *_BY_PROXY)
        kernel = {name: (_PROC / name).read_text().strip() for name in names if (_PROC / name).exists()}
        folders = [name for name in _FOLDERS if Path(name).exists()]
        found = {tool: rules.marked(tool) for tool in rules.TOOLS}
        write_json(layout.traces, {"kernel": kernel, "folders": folders, "rules": found})
    for name, value in _NEEDED.items():
        if (_PROC / name).exists():  # without br_netfilter there is nothing to set
            (_PROC / name).write_text(value)


def put_back(layout: Layout) -> None:
    """Restore the kernel's settings; remove the folders that were not there before."""
    before = _before(layout)
    for name in set(_FOLDERS) - set(before.get("folders", _FOLDERS)):
        shutil.rmtree(name, ignore_errors=True)
    for name, value in before.get("kernel", {}).items():
        (_PROC / name).write_text(value)


def remove_rules(tool: str, *, layout: Layout) -> None:
    """Remove the rules of `iptables` or `ip6tables` that were not there before.

    Raises:
        MachineError: one cannot be removed.
    """
    if before := _before(layout):
        rules.remove(tool, before=before["rules"][tool])


def new_rules(layout: Layout) -> list[str]:
    """Name the rules that were not there before."""
    known = _before(layout).get("rules", {})
    return [f"{tool} {entry}" for tool in known for entry in rules.marked(tool) if entry not in known[tool]]


def _before(layout: Layout) -> dict[str, Any]:
    """What was noted; nothing if the cluster was ended before it changed anything."""
    noted: dict[str, Any] = json.loads(layout.traces.read_text()) if layout.traces.exists() else {}
    return noted
