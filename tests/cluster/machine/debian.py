"""Debian's packages: installs what is missing, and fetches sources from where the machine's own apt looks."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.cluster.machine.commands import run
from tests.cluster.machine.errors import WrongMachineError

RUN_TIME = (
    *("buildah", "busybox-static", "containerd", "containernetworking-plugins", "debootstrap", "docker-registry"),
    *("etcd-server", "iproute2", "iptables", "openssl", "runc"),
)
"""What the cluster runs on."""

BUILD_TIME = ("dpkg-dev", "gcc", "golang-go", "golang-github-modern-go-reflect2-dev", "libc6-dev", "make", "rsync")
"""What building Kubernetes takes besides."""

_POLICY = Path("/usr/sbin/policy-rc.d")


def require_machine() -> None:
    """Refuse a machine that is no Debian, or a user who may not do what a node does.

    Raises:
        WrongMachineError: either of them.
    """
    if not Path("/etc/debian_version").is_file() or shutil.which("apt-get") is None:
        raise WrongMachineError(reason="it is not Debian, whose packages the cluster is made of")
    if os.geteuid() != 0:
        raise WrongMachineError(reason="containers, mounts and network devices take root")


def install(packages: tuple[str, ...], *, log: Path) -> None:
    """Install those packages that are missing; their services are not started, we run our own.

    Raises:
        CommandFailedError: apt-get failed.
    """
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    run(["apt-get", "update", "--quiet"], log=log)
    policy_is_ours = not _POLICY.exists()
    if policy_is_ours:
        # Debian starts what it installs: a second containerd and an etcd on the usual ports are not wanted.
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
        run(command, log=log, variables={"DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if policy_is_ours:
            _POLICY.unlink()


def fetch_source(package: str, *, folder: Path, log: Path) -> Path:
    """Unpack a source package from Debian's archive, as the machine's apt is configured to reach it.

    Args:
        package: its name.
        folder: where to; it gets private package lists too, the machine's own stay as they are.
        log: gets apt's output.

    Returns:
        The folder of the unpacked source.

    Raises:
        CommandFailedError: apt-get failed.
        WrongMachineError: apt is not configured for Debian's archive.
    """
    listing = folder / "sources.list"
    listing.write_text("".join(f"deb-src {entry}\n" for entry in _archives()))
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    options = [
        option
        for setting in (
            f"Dir::Etc::sourcelist={listing}",
            "Dir::Etc::sourceparts=/dev/null",
            f"Dir::State::lists={folder}/lists",
            f"Dir::Cache={folder}/cache",
            "APT::Sandbox::User=root",
        )
        for option in ("-o", setting)
    ]
    run(["apt-get", *options, "update", "--quiet"], log=log)
    run(["apt-get", *options, "source", "--quiet", package], folder=folder, log=log)
    return next(path for path in folder.glob(f"{package}-*") if path.is_dir())


def upstream_version(package: str) -> str:
    """The version that its authors gave to a package: `1.20.2` for Debian's `1.20.5+really1.20.2-1.1+deb12u1`."""
    told = run(["apt-cache", "show", "--no-all-versions", package])
    full = told.partition("Version: ")[2].partition("\n")[0]
    return full.rpartition("really")[2].partition("-")[0].partition("+")[0]


def suite() -> str:
    """The machine's release, such as `bookworm`."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return next(line.partition("=")[2].strip('"') for line in lines if line.startswith("VERSION_CODENAME="))


def archive() -> str:
    """The address of Debian's archive, as the machine's apt is configured to reach it."""
    return next(uri for uri, release, _ in (entry.split() for entry in _archives()) if release == suite())


def _archives() -> list[str]:
    """Return `URI suite component` of every index of Debian's own that apt has, without doubles."""
    shape = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    told = run(["apt-get", "indextargets", "--format", shape, "Created-By: Packages"])
    fields = (line.split("|") for line in told.splitlines())
    found = list(dict.fromkeys(f"{uri} {suite} {part}" for origin, uri, suite, part in fields if origin == "Debian"))
    if not found:
        raise WrongMachineError(reason="its apt has no list of Debian's archive (try: apt-get update)")
    return found


def _is_installed(package: str) -> bool:
    shape = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n"]
    return f"{package} installed" in run(shape).splitlines()
