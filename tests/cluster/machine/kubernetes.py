"""Builds Kubernetes' components from Debian's source package, once per version, into the user's cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from tests.cluster.machine import debian
from tests.cluster.machine.commands import run
from tests.cluster.machine.errors import CommandFailedError

COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
_RECIPE = 1  # raised whenever the same source must be built anew
_REFLECT2 = Path("/usr/share/gocode/src/github.com/modern-go/reflect2")
_JOBS = "2"
_SCRATCH = "kubernetes-build-"


def cache() -> Path:
    """The folder under which builds are kept: `$XDG_CACHE_HOME/slipway` or `~/.cache/slipway`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "slipway"


def binaries(*, log: Path) -> Path:
    """Return the folder of the built components; build them first if they are not there (minutes on two cores).

    Args:
        log: gets the output of apt and of the build.

    Raises:
        MachineError: a package or the build failed.
    """
    version = debian.upstream_version("kubernetes-client")
    built = cache() / f"kubernetes-{version}-{_RECIPE}"
    if all((built / component).is_file() for component in COMPONENTS):
        return built
    debian.install(debian.BUILD_TIME, log=log)
    built.parent.mkdir(parents=True, exist_ok=True)
    with (built.parent / "kubernetes-build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one builds, the others find it built
        if not all((built / component).is_file() for component in COMPONENTS):
            remove_broken_builds(built.parent)
            # Beside the cache, so that the finished folder is moved in one step: half a build is never taken for one.
            with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=built.parent) as scratch:
                made = _build(Path(scratch), version=version, log=log)
                shutil.rmtree(built, ignore_errors=True)
                made.rename(built)
    return built


def remove_broken_builds(folder: Path) -> None:
    """Remove what builds that were killed have left, some GB each; only who holds the lock may."""
    for scratch in folder.glob(f"{_SCRATCH}*"):
        if scratch.is_dir():
            shutil.rmtree(scratch)


def _build(scratch: Path, *, version: str, log: Path) -> Path:
    source = _unpack(scratch, log=log)
    _replace_reflect2(source / "vendor" / "github.com" / "modern-go" / "reflect2")
    major, minor, *_ = version.split(".")
    variables = {
        "GOPATH": str(scratch),
        # Module mode stumbles over the package's go.mod; a plain `go build` lacks the generated code that make makes.
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOMAXPROCS": _JOBS,
        "GOCACHE": str(scratch / "go-cache"),
        "CGO_ENABLED": "0",
        # Kubernetes builds the kubelet apart from the others, with another suffix, and so compiles nearly all twice.
        "KUBE_STATIC_OVERRIDES": "kubelet",
        "KUBE_GIT_VERSION": f"v{version}",
        "KUBE_GIT_COMMIT": "debian",
        "KUBE_GIT_TREE_STATE": "clean",
        "KUBE_GIT_MAJOR": major,
        "KUBE_GIT_MINOR": minor,
    }
    what = " ".join(f"cmd/{component}" for component in COMPONENTS)
    run(["nice", "-n", "10", "make", "all", f"WHAT={what}"], folder=source, variables=variables, log=log)
    made = scratch / "made"
    made.mkdir()
    for component in COMPONENTS:
        program = source / "_output" / "bin" / component
        if not program.is_file():
            raise CommandFailedError(command="make all", code=0, said=f"it made no {component}")
        shutil.copy2(program, made / component)
    return made


def _unpack(scratch: Path, *, log: Path) -> Path:
    parent = scratch / "src" / "k8s.io"
    parent.mkdir(parents=True)
    return debian.fetch_source("kubernetes", folder=scratch, log=log).rename(parent / "kubernetes")


def _replace_reflect2(vendored: Path) -> None:
    """Put Debian's reflect2 1.0.2 in the place of the vendored 1.0.1.

    That one reads Go's type descriptors as they were before Go 1.18 and corrupts memory since: the API server died as
    soon as a custom resource was applied.
    """
    shutil.rmtree(vendored)
    shutil.copytree(_REFLECT2, vendored, ignore=shutil.ignore_patterns("go.mod", "go.sum"), symlinks=False)
