"""Finds out by trying whether this machine can run containers; continuous integration decides by it what to ask."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.cluster.machine import cgroups, debian
from tests.cluster.machine.commands import run
from tests.cluster.machine.errors import CommandFailedError, NotReadyError, WrongMachineError
from tests.cluster.machine.kubernetes import cache
from tests.cluster.machine.layout import PROJECT, layout

_MEMORY_GIB, _DISK_GIB = 6, 15  # building Kubernetes takes most of it
_SECONDS = 60
_NAME = "slipway-probe"
_SHIMS = Path("/run/containerd")  # compiled into containerd's shims
_NAMESPACES = ("unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork")


def probe(*, tell: Callable[[str], None]) -> None:
    """Try everything that a node does, on a small scale, and leave nothing.

    Args:
        tell: told each thing that works.

    Raises:
        MachineError: the first thing that does not work here.
    """
    debian.require_machine()
    _require_room()
    with tempfile.TemporaryDirectory(prefix="slipway-probe-") as scratch:
        work = Path(scratch)
        _try("packages", lambda: debian.install(debian.RUN_TIME, log=work / "packages.log"))
        tell("Debian's packages are installed")
        _try("namespaces", lambda: run([*_NAMESPACES, "true"]))
        tell("namespaces can be made")
        _try("overlay mounts", lambda: _mount_overlay(work / "overlay"))
        tell("overlays can be mounted")
        _try("control groups", lambda: cgroups.try_group(_NAME))
        tell("control groups can be made")
        _try("network devices", _make_devices)
        tell("bridges, pairs of devices and rules can be made")
        _try("a container", lambda: _run_container(work / "container"))
        tell("containerd and runc run a container")


def _try(what: str, attempt: Callable[[], object]) -> None:
    try:
        attempt()
    except (CommandFailedError, NotReadyError, OSError) as error:
        raise WrongMachineError(reason=f"{what} failed: {error}") from error


def _require_room() -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    if memory < _MEMORY_GIB:
        raise WrongMachineError(reason=f"it has {memory:.0f} GiB of memory, and {_MEMORY_GIB} are needed")
    for folder in (PROJECT, *(_existing(wanted) for wanted in (cache(), layout().root))):
        free = shutil.disk_usage(folder).free / 2**30
        if free < _DISK_GIB:
            raise WrongMachineError(reason=f"{folder} has {free:.0f} GiB free, and {_DISK_GIB} are needed")


def _existing(folder: Path) -> Path:
    return next(above for above in (folder, *folder.parents) if above.is_dir())


def _mount_overlay(work: Path) -> None:
    for name in ("lower", "upper", "work", "merged"):
        (work / name).mkdir(parents=True)
    options = f"lowerdir={work}/lower,upperdir={work}/upper,workdir={work}/work"
    # In a mount namespace of its own: nothing is left, whatever happens.
    script = f"mount -t overlay -o {options} overlay {work}/merged && touch {work}/merged/written"
    run(["unshare", "--mount", "sh", "-c", script])


def _make_devices() -> None:
    script = (
        f"ip link add {_NAME} type bridge && ip link add probe0 type veth peer name probe1 && "
        f"ip link set probe0 master {_NAME} up && iptables -w -t nat -N PROBE && "
        "iptables -w -t nat -A PROBE -m comment --comment probe -j MASQUERADE"
    )
    # In a network namespace of its own: it goes with all that was made.
    run(["unshare", "--net", "sh", "-c", script])


def _run_container(work: Path) -> None:
    """Start containerd with a folder of its own, and let it run busybox once."""
    for name in ("root", "state", "rootfs/bin", "rootfs/proc", "rootfs/dev", "rootfs/sys"):
        (work / name).mkdir(parents=True)
    shutil.copy2("/bin/busybox", work / "rootfs" / "bin" / "busybox")
    socket = work / "containerd.sock"
    settings = work / "containerd.toml"
    settings.write_text(
        f'version = 2\nroot = "{work}/root"\nstate = "{work}/state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "{socket}"\n'
    )
    script = (
        f'containerd --config {settings} > {work}/log 2>&1 & pid=$!; trap "kill $pid; wait $pid" EXIT; '
        f"for attempt in $(seq {_SECONDS * 5}); do [ -S {socket} ] && break; sleep 0.2; done; "
        f"ctr --address {socket} run --rm --runc-binary runc --rootfs {work}/rootfs {_NAME} /bin/busybox true "
        f"|| {{ tail -n 5 {work}/log >&2; exit 1; }}"
    )
    was_there = _SHIMS.exists()
    try:
        # In a mount namespace of its own, so that what containerd mounts goes with it.
        run(["timeout", str(_SECONDS * 2), "unshare", "--mount", "sh", "-c", script])
    finally:
        if not was_there:
            shutil.rmtree(_SHIMS, ignore_errors=True)
