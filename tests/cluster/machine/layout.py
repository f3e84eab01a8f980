"""Where the cluster keeps what, and at which addresses it answers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine.errors import ForeignStateError, OtherClusterError

PROJECT = Path(__file__).resolve().parents[3]
STATE_VARIABLE = "SLIPWAY_CLUSTER_STATE"

NODE = "slipway-node"
BRIDGE = "slipway0"
# Everything listens on the bridge: pods and this machine reach it there, the network outside does not.
HOST = "10.244.77.1"
POD_NETWORK = "10.244.77.0/24"
SERVICE_NETWORK = "10.97.0.0/16"
FIRST_SERVICE = "10.97.0.1"  # Kubernetes gives the first address of the range to its own API
CLUSTER_DOMAIN = "cluster.local"

API_PORT = 16443
KUBELET_PORT = 16250
REGISTRY_PORT = 16500
ETCD_PORT = 16379
ETCD_PEER_PORT = 16380
HEALTH_PORTS = {"kubelet": 16248, "kube-controller-manager": 16257, "kube-scheduler": 16259, "kube-proxy": 16256}
PROXY_METRICS_PORT = 16249

REGISTRY = f"{HOST}:{REGISTRY_PORT}"

RUN = Path("/run/slipway-cluster")
"""Sockets and what containerd mounts: a socket's path has at most 107 characters, and a project's may be long."""

_MARK = "slipway-cluster"  # this file says that the folder is ours to delete
_OWNER = RUN / "state-folder"  # this one, which of our clusters the machine's one place is taken by


@dataclass(frozen=True)
class Layout:
    """The folder of one cluster; one machine holds one cluster at a time.

    Attributes:
        root: the state folder, absolute.
    """

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.root / "pki"

    @property
    def authority(self) -> Path:
        """The certificate that API, kubelet and image registry are trusted by."""
        return self.pki / "ca.crt"

    @property
    def logs(self) -> Path:
        """`{component}.log` files."""
        return self.root / "logs"

    @property
    def settings(self) -> Path:
        """The components' own configuration files."""
        return self.root / "settings"

    @property
    def pids(self) -> Path:
        """A file per running component."""
        return self.root / "pids"

    @property
    def credentials(self) -> Path:
        """How to log in to the image registry, in the format of `docker login`."""
        return self.root / "registry-credentials.json"

    @property
    def traces(self) -> Path:
        """How the machine was before."""
        return self.root / "machine-before.json"

    def create(self) -> None:
        """Make the folder.

        Raises:
            ForeignStateError: it is there and holds something else.
            OtherClusterError: another cluster of ours is on this machine.
        """
        self.require_alone()
        if self.root.exists() and any(self.root.iterdir()) and not self.is_ours:
            raise ForeignStateError(folder=self.root)
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / _MARK).touch()
        for folder in (self.pki, self.logs, self.settings, self.pids, RUN):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _OWNER.write_text(str(self.root))

    def require_alone(self) -> None:
        """Refuse a machine that another cluster of ours is on: the bridge, the ports and RUN are there once.

        Raises:
            OtherClusterError: it is.
        """
        owner = Path(_OWNER.read_text()) if _OWNER.is_file() else self.root
        if owner != self.root and Layout(owner).is_ours:
            raise OtherClusterError(root=owner)

    @property
    def is_ours(self) -> bool:
        """Whether there is a cluster's folder, running or not."""
        return (self.root / _MARK).is_file()


def layout() -> Layout:
    """The layout that SLIPWAY_CLUSTER_STATE names; without it `.cluster` in the project."""
    named = os.environ.get(STATE_VARIABLE)
    return Layout(Path(named).absolute() if named else PROJECT / ".cluster")
