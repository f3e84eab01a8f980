"""The bridge that pods and servers meet on, and the rules about it."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.machine.commands import run
from tests.cluster.machine.errors import CommandFailedError
from tests.cluster.machine.layout import BRIDGE, HOST, POD_NETWORK, Layout
from tests.cluster.machine.settings import write_json

_DEVICES = Path("/sys/class/net")


def set_up() -> None:
    """Make the bridge, unless it is there."""
    if not (_DEVICES / BRIDGE).exists():
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


def tear_down() -> None:
    """Remove the bridge, the pods' ends on it and the rules."""
    for device in (*_on_bridge(), BRIDGE):
        _delete(device)
    _forget_rules("iptables")
    _forget_rules("ip6tables")


def _on_bridge() -> list[str]:
    members = _DEVICES / BRIDGE / "brif"
    return sorted(member.name for member in members.iterdir()) if members.exists() else []


def _delete(device: str) -> None:
    try:
        run(["ip", "link", "delete", device])
    except CommandFailedError:
        # A pod's end of the bridge goes away by itself when the pod's network does, which is about now.
        if (_DEVICES / device).exists():
            raise


def _forget_rules(tool: str) -> None:
    """Remove the chains and rules of kubelet, kube-proxy and the network plugins, and nothing else."""
    rules = run([f"{tool}-save"]).splitlines()
    ours = ("KUBE-", "CNI-", "cni")
    kept = [line for line in rules if not (line.startswith((":", "-A")) and any(mark in line for mark in ours))]
    if kept != rules:
        run([f"{tool}-restore"], given="\n".join(kept) + "\n")
