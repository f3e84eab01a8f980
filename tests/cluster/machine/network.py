"""The bridge that pods and servers meet on."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.machine.commands import run
from tests.cluster.machine.errors import CommandFailedError
from tests.cluster.machine.layout import BRIDGE, HOST, POD_NETWORK, Layout
from tests.cluster.machine.settings import write_json

_DEVICES = Path("/sys/class/net")


def set_up() -> None:
    """Make the bridge and give it its address, whatever of it is there."""
    if not (_DEVICES / BRIDGE).exists():
        run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    # Always: a run that was killed between the two left a bridge without an address.
    run(["ip", "address", "replace", f"{HOST}/{POD_NETWORK.rpartition('/')[2]}", "dev", BRIDGE])
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


def remove_devices() -> None:
    """Remove the bridge and the pods' ends on it."""
    for device in (*_on_bridge(), BRIDGE):
        _delete(device)


def _on_bridge() -> list[str]:
    members = _DEVICES / BRIDGE / "brif"
    return sorted(member.name for member in members.iterdir()) if members.exists() else []


def _delete(device: str) -> None:
    try:
        run(["ip", "link", "delete", device], seconds=60)
    except CommandFailedError:
        # A pod's end of the bridge goes away by itself when the pod's network does, which is about now.
        if (_DEVICES / device).exists():
            raise
