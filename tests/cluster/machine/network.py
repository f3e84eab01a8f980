"""The bridge that pods and servers meet on, and the kernel settings that routing takes; both are put back."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.machine.commands import run
from tests.cluster.machine.layout import BRIDGE, HOST, POD_NETWORK, Layout
from tests.cluster.machine.settings import write_json

_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    # Traffic between two pods of one bridge must pass the rules too, or answers come back from a stranger's address.
    "net/bridge/bridge-nf-call-iptables": "1",
}
_CHANGED_BY_KUBELET = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")
_CHANGED_BY_PROXY = ("net/ipv4/conf/all/route_localnet", "net/netfilter/nf_conntrack_max")
_PROC = Path("/proc/sys")


def set_up(layout: Layout) -> None:
    """Make the bridge and let the kernel route; remember what was there."""
    names = (*_SETTINGS, *_CHANGED_BY_KUBELET, *_CHANGED_BY_PROXY)
    if not layout.kernel.exists():
        before = {name: (_PROC / name).read_text().strip() for name in names if (_PROC / name).exists()}
        write_json(layout.kernel, before)
    for name, value in _SETTINGS.items():
        if (_PROC / name).exists():  # without br_netfilter there is nothing to set
            (_PROC / name).write_text(value)
    if not (Path("/sys/class/net") / BRIDGE).exists():
        run(["ip", "link", "add", BRIDGE, "type", "bridge"])
        run(["ip", "address", "add", f"{HOST}/{POD_NETWORK.rpartition('/')[2]}", "dev", BRIDGE])
    run(["ip", "link", "set", BRIDGE, "up"])


def plugins(layout: Layout) -> Path:
    """Write how containerd connects a pod to the bridge; return the folder."""
    folder = layout.settings / "cni"
    folder.mkdir(exist_ok=True)
    addresses = {
        "type": "host-local",
        "dataDir": str(layout.root / "addresses"),
        "ranges": [[{"subnet": POD_NETWORK, "gateway": HOST}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "ipMasq": True, "ipam": addresses}
    # A pod that reaches itself through its own service needs the bridge to send a packet back where it came from.
    bridge["hairpinMode"] = True
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    chain = {"cniVersion": "0.4.0", "name": "slipway", "plugins": [bridge, ports]}
    write_json(folder / "10-slipway.conflist", chain)
    return folder


def tear_down(layout: Layout) -> None:
    """Remove the bridge, the pods' ends on it and the rules; put the kernel's settings back."""
    for device in _on_bridge():
        run(["ip", "link", "delete", device])
    if (Path("/sys/class/net") / BRIDGE).exists():
        run(["ip", "link", "delete", BRIDGE])
    _forget_rules("iptables")
    _forget_rules("ip6tables")
    if layout.kernel.exists():
        for name, value in json.loads(layout.kernel.read_text()).items():
            (_PROC / name).write_text(value)
        layout.kernel.unlink()


def _on_bridge() -> list[str]:
    members = Path("/sys/class/net") / BRIDGE / "brif"
    return sorted(member.name for member in members.iterdir()) if members.exists() else []


def _forget_rules(tool: str) -> None:
    """Remove the chains and rules of kubelet, kube-proxy and the network plugins, and nothing else."""
    rules = run([f"{tool}-save"]).splitlines()
    ours = ("KUBE-", "CNI-", "cni")
    kept = [line for line in rules if not (line.startswith((":", "-A")) and any(mark in line for mark in ours))]
    if kept != rules:
        run([f"{tool}-restore"], given="\n".join(kept) + "\n")
