"""Debian's packages: installs what is missing, and fetches sources from where the machine's own apt looks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.machine.commands import run
from tests.cluster.machine.errors import CommandFailedError, PackagesError, WrongMachineError

RUN_TIME = (
    *("buildah", "busybox-static", "containerd", "containernetworking-plugins", "debootstrap", "docker-registry"),
    *("etcd-server", "iproute2", "iptables", "openssl", "runc"),
)
"""What the cluster runs on."""

BUILD_TIME = ("dpkg-dev", "gcc", "golang-go", "golang-github-modern-go-reflect2-dev", "libc6-dev", "make", "rsync")
"""What building Kubernetes takes besides."""

_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_MARK = "# slipway: only while its packages are installed"


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
        PackagesError: apt-get failed.
    """
    forget_policy(_POLICY)
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    try:
        run(["apt-get", "update", "--quiet"], log=log)
        with services_not_started(_POLICY):
            command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
            run(command, log=log, variables={"DEBIAN_FRONTEND": "noninteractive"})
    except CommandFailedError as error:
        raise PackagesError(reason=str(error)) from error


def forget_policy(file: Path) -> None:
    """Remove our policy, which a killed run may have left: it would keep every service from starting."""
    if file.is_file() and _POLICY_MARK in file.read_text(errors="replace"):
        file.unlink()


@contextmanager
def services_not_started(policy: Path) -> Iterator[None]:
    """Keep Debian from starting what it installs: a second containerd, an etcd on the usual ports."""
    if not policy.exists():
        policy.write_text(f"#!/bin/sh\n{_POLICY_MARK}\nexit 101\n")
        policy.chmod(0o755)
    try:
        yield
    finally:
        forget_policy(policy)


def fetch_source(package: str, *, folder: Path, log: Path) -> Path:
    """Unpack a source package from Debian's archive, as the machine's apt is configured to reach it.

    Args:
        package: its name.
        folder: where to; it gets private package lists too, the machine's own stay as they are.
        log: gets apt's output.

    Returns:
        The folder of the unpacked source.

    Raises:
        PackagesError: apt-get failed, or is not configured for Debian's archive.
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
    try:
        run(["apt-get", *options, "update", "--quiet"], log=log)
        run(["apt-get", *options, "source", "--quiet", package], folder=folder, log=log)
    except CommandFailedError as error:
        raise PackagesError(reason=str(error)) from error
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
        raise PackagesError(reason="it has no list of Debian's archive (try: apt-get update)")
    return found


def _is_installed(package: str) -> bool:
    shape = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n"]
    return f"{package} installed" in run(shape).splitlines()
