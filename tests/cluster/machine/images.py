"""The images that tests run: made of Debian's packages, because nothing can be pulled, and pushed to the registry."""

from __future__ import annotations

import hashlib
import json
import shutil
import ssl
import sys
import tempfile
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

from images.context import PACKAGES
from sandbox.base_image import base_image
from tests.cluster.machine import debian, registry
from tests.cluster.machine.commands import run
from tests.cluster.machine.containers import PAUSE_IMAGE
from tests.cluster.machine.kubernetes import cache
from tests.cluster.machine.layout import PROJECT, REGISTRY, Layout

BASE = f"{REGISTRY}/slipway/base:1"
"""busybox and CA roots: what the runtime image is built on, and what tests run that need no more than a shell."""
BUILDER = f"{REGISTRY}/slipway/builder:1"
"""Buildah and a shell: what the build Job runs."""
PYTHON = f"{REGISTRY}/slipway/python:1"
"""Python and CA roots: what the images of flow runs are built on."""

_PAUSE = 'FROM {base}\nCMD ["/bin/sleep", "2147483647"]\n'
_ROOT = "FROM scratch\nADD {archive} /\n"
_POLICY = {"default": [{"type": "insecureAcceptAnything"}]}


@dataclass(frozen=True)
class _System:
    """A small Debian.

    Attributes:
        name: of the image.
        packages: what it has beyond the minimum.
        files: more files, by path.
    """

    name: str
    packages: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()


_SYSTEMS = {
    # Buildah pulls nothing without a policy, and takes root's user namespace from these ranges.
    # netavark: debootstrap resolves no virtual package, and Buildah depends on one.
    BUILDER: _System(
        "builder", ("buildah", "ca-certificates", "netavark"), (("etc/containers/policy.json", json.dumps(_POLICY)),)
    ),
    PYTHON: _System("python", ("ca-certificates", "python3")),
}


def push_pause(layout: Layout) -> None:
    """Push the image that holds a pod's network, unless it is there; no pod starts without it."""
    if not _is_pushed(PAUSE_IMAGE, layout=layout):
        with tempfile.TemporaryDirectory(prefix="slipway-image-") as scratch:
            work = Path(scratch)
            # Buildah makes a name of a layout's path, and refuses one with a dot folder.
            folder, tag = base_image(cache() / "base-image").removeprefix("oci:").split(":")
            (work / "base").symlink_to(folder)
            _build_and_push(PAUSE_IMAGE, containerfile=_PAUSE.format(base=f"oci:base:{tag}"), work=work, layout=layout)
            _build_and_push(BASE, containerfile=f"FROM oci:base:{tag}\n", work=work, layout=layout)


def push(images: Iterable[str], *, layout: Layout) -> None:
    """Make and push images of Debian's packages, unless they are there (a minute each; kept in the user's cache)."""
    for image in images:
        if not _is_pushed(image, layout=layout):
            with tempfile.TemporaryDirectory(prefix="slipway-image-") as scratch:
                archive = _root(_SYSTEMS[image], log=layout.logs / "images.log")
                text = _ROOT.format(archive=archive.name)
                # The archive's own folder is the context: Buildah follows no link out of it.
                _build_and_push(image, containerfile=text, work=Path(scratch), layout=layout, context=archive.parent)


def push_flows(*, layout: Layout) -> str:
    """Build and push the image of flow runs from this very tree, unless it is there; return its name."""
    image = f"{REGISTRY}/slipway/flows:{_fingerprint(layout.authority)}"
    if not _is_pushed(image, layout=layout):
        push([PYTHON], layout=layout)
        command = [sys.executable, "-m", "images", "flows", "--base", PYTHON, "--to", f"docker://{image}"]
        run([*command, *registry_options(layout), "--ca-bundle", layout.authority], folder=PROJECT)
    return image


def _fingerprint(*more: Path) -> str:
    """A hash of everything that goes into the image of flow runs."""
    files = [*more, PROJECT / "requirements" / "app.txt", PROJECT / "prefect.yaml", PROJECT / "pyproject.toml"]
    for package in PACKAGES:
        files += [file for file in sorted((PROJECT / package).rglob("*")) if file.is_file() and file.suffix != ".pyc"]
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(f"{file}".encode() + b"\0" + file.read_bytes()).digest())
    return total.hexdigest()[:40]


def registry_options(layout: Layout) -> list[str | Path]:
    """Buildah's options to talk to the cluster's registry."""
    return ["--authfile", layout.credentials, "--cert-dir", registry.trusted(layout)]


def _root(system: _System, *, log: Path) -> Path:
    """Return the archive of a Debian's root folder; make it first if it is not there."""
    suite = debian.suite()
    archive = cache() / "roots" / f"{system.name}-{suite}.tar"
    if archive.is_file():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="root-", dir=archive.parent) as scratch:
        folder = Path(scratch) / "root"
        include = f"--include={','.join(system.packages)}"
        run(["debootstrap", "--variant=minbase", include, suite, folder, debian.archive()], log=log)
        for junk in ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man"):
            shutil.rmtree(folder / junk)
            (folder / junk).mkdir()
        for path, text in system.files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        draft = Path(scratch) / "root.tar"
        run(
            [
                "tar",
                "--create",
                "--numeric-owner",
                "--sort=name",
                "--exclude=./dev/*",
                f"--file={draft}",
                "-C",
                folder,
                ".",
            ]
        )
        draft.rename(archive)
    return archive


def _build_and_push(image: str, *, containerfile: str, work: Path, layout: Layout, context: Path | None = None) -> None:
    (work / "Containerfile").write_text(containerfile)
    store: list[str | Path] = [
        "buildah",
        "--root",
        work / "store",
        "--runroot",
        work / "run",
        "--storage-driver",
        "vfs",
    ]
    build = ["build", "--isolation", "chroot", "--layers=false", "--timestamp", "0", "--tag", "made"]
    run([*store, *build, "--file", work / "Containerfile", context or work], folder=work)
    run([*store, "push", *registry_options(layout), "made", f"docker://{image}"], folder=work)


def _is_pushed(image: str, *, layout: Layout) -> bool:
    name, _, tag = image.removeprefix(f"{REGISTRY}/").rpartition(":")
    request = urllib.request.Request(
        f"https://{REGISTRY}/v2/{name}/manifests/{tag}",
        method="HEAD",
        headers={
            "Authorization": f"Basic {registry.encoded_login(layout)}",
            "Accept": "application/vnd.oci.image.manifest.v1+json",
        },
    )
    context = ssl.create_default_context(cafile=str(layout.authority))
    try:
        with urllib.request.urlopen(request, context=context, timeout=10):  # noqa: S310 - as above
            return True
    except HTTPError as error:
        if error.code == 404:
            return False
        raise
