"""containerd's configuration, and the unmounting of what it and the kubelet mounted."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.machine import network, registry
from tests.cluster.machine.commands import run
from tests.cluster.machine.errors import CommandFailedError, TooSlowError
from tests.cluster.machine.layout import REGISTRY, RUN, Layout
from tests.cluster.machine.settings import write_text

SOCKET = RUN / "containerd.sock"
PAUSE_IMAGE = f"{REGISTRY}/slipway/pause:1"

_UNMOUNT_SECONDS = 60.0

_SETTINGS = """\
version = 2
root = "{root}"
state = "{run}/containerd"
# What the cluster does not use is not started.
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", \
"io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without CAP_SYS_RESOURCE a negative score cannot be set, and no pod starts.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      # crun refuses hybrid cgroups.
      BinaryName = "runc"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{hosts}"
    [plugins."io.containerd.grpc.v1.cri".registry.configs."{registry}".auth]
      auth = "{login}"
"""


def write_settings(layout: Layout) -> Path:
    """Write containerd's configuration; return the file."""
    trusted = registry.trusted(layout)
    write_text(
        trusted / "hosts.toml",
        f'server = "https://{REGISTRY}"\n[host."https://{REGISTRY}"]\n  ca = "{trusted / "ca.crt"}"\n',
    )
    file = layout.settings / "containerd.toml"
    return write_text(
        file,
        _SETTINGS.format(
            root=layout.root / "containerd",
            run=RUN,
            socket=SOCKET,
            pause=PAUSE_IMAGE,
            cni=network.plugins(layout),
            hosts=trusted.parent,
            registry=REGISTRY,
            login=registry.encoded_login(layout),
        ),
    )


def mounted_below(*folders: Path) -> list[str]:
    """Return what is mounted below some folders, the deepest first."""
    fields = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    points = [entry[1].encode("ascii").decode("unicode_escape") for entry in fields]
    ours = [point for point in points if any(Path(point).is_relative_to(folder) for folder in folders)]
    return sorted(ours, key=len, reverse=True)


def unmount_below(*folders: Path) -> None:
    """Unmount everything below some folders, the deepest first.

    Raises:
        MachineError: something is still mounted, even lazily.
    """
    for point in mounted_below(*folders):
        try:
            run(["umount", point], seconds=_UNMOUNT_SECONDS)
        except (CommandFailedError, TooSlowError):
            # It has vanished with its container meanwhile, or is busy: then it goes when its last user does.
            if point in mounted_below(Path(point)):
                run(["umount", "--lazy", point], seconds=_UNMOUNT_SECONDS)
