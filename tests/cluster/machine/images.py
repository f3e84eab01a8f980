"""The images that tests run: made of Debian's packages, because nothing can be pulled, and pushed to the registry."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import sys
import tempfile
import urllib.request
from collections.abc import Iterable
from http.client import HTTPResponse
from pathlib import Path
from urllib.error import HTTPError

from images.context import PACKAGES
from sandbox.base_image import BaseImageError, base_image
from tests.cluster.machine import registry, roots
from tests.cluster.machine.commands import run
from tests.cluster.machine.containers import PAUSE_IMAGE
from tests.cluster.machine.errors import PackagesError
from tests.cluster.machine.kubernetes import cache
from tests.cluster.machine.layout import PROJECT, REGISTRY, Layout

BASE = f"{REGISTRY}/slipway/base:1"
"""busybox and CA roots: what the runtime image is built on, and what tests run that need no more than a shell."""
BUILDER = f"{REGISTRY}/slipway/builder:1"
"""Buildah and a shell: what the build Job runs."""
PYTHON = f"{REGISTRY}/slipway/python:1"
"""Python and CA roots: what the images of flow runs are built on."""
POSTGRES = f"{REGISTRY}/slipway/postgres:1"
"""Debian's PostgreSQL, started by the variables of the upstream image."""

_PAUSE = 'FROM {base}\nCMD ["/bin/sleep", "2147483647"]\n'
_ROOTS = {BUILDER: roots.BUILDER, PYTHON: roots.PYTHON, POSTGRES: roots.POSTGRES}
_STAND_IN_ENGINE = PROJECT / "tests" / "integration" / "scripted_engine.py"
_STAND_INS = """\
FROM {base}
USER 0
COPY packages /opt/stand-ins
RUN command -v python > /dev/null || ln -s "$(command -v python3)" /usr/local/bin/python
ENV PYTHONPATH=/opt/stand-ins PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.title="slipway test stand-ins: no vLLM, no KServe"
USER 1001:0
ENTRYPOINT ["python", "-m", "sandbox.kserve.storage_initializer"]
"""


def push_pause(layout: Layout) -> None:
    """Push the image that holds a pod's network, unless it is there; no pod starts without it."""
    if not _is_pushed(PAUSE_IMAGE, layout=layout):
        with tempfile.TemporaryDirectory(prefix="slipway-image-") as scratch:
            work = Path(scratch)
            # Buildah makes a name of a layout's path, and refuses one with a dot folder.
            folder, tag = _base().removeprefix("oci:").split(":")
            (work / "base").symlink_to(folder)
            _build_and_push(PAUSE_IMAGE, containerfile=_PAUSE.format(base=f"oci:base:{tag}"), work=work, layout=layout)
            _build_and_push(BASE, containerfile=f"FROM oci:base:{tag}\n", work=work, layout=layout)


def _base() -> str:
    try:
        return base_image(cache() / "base-image")
    except BaseImageError as error:
        raise PackagesError(reason=str(error)) from error


def push(images: Iterable[str], *, layout: Layout) -> None:
    """Make and push images of Debian's packages, unless they are there (a minute each; kept in the user's cache)."""
    for image in images:
        if not _is_pushed(image, layout=layout):
            with tempfile.TemporaryDirectory(prefix="slipway-image-") as scratch:
                archive = roots.archive(_ROOTS[image], log=layout.logs / "images.log")
                text = roots.containerfile(_ROOTS[image], archive=archive)
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


def push_stand_ins(*, layout: Layout) -> str:
    """Build and push what takes the place of vLLM and of KServe's storage initializer; return its name.

    `python -m vllm.entrypoints.openai.api_server` is a scripted engine there: it shows which image a pod runs, and
    nothing about vLLM. As a container without a command it fetches weights.
    """
    image = f"{REGISTRY}/slipway/stand-ins:{_fingerprint(_STAND_IN_ENGINE, packages=('sandbox',))}"
    if not _is_pushed(image, layout=layout):
        push([PYTHON], layout=layout)
        with tempfile.TemporaryDirectory(prefix="slipway-image-") as scratch:
            work = Path(scratch)
            packages = work / "context" / "packages"
            engine = packages / "vllm" / "entrypoints" / "openai" / "api_server.py"
            engine.parent.mkdir(parents=True)
            shutil.copyfile(_STAND_IN_ENGINE, engine)
            shutil.copytree(PROJECT / "sandbox", packages / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
            install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(packages)]
            run([*install, "--constraint", str(PROJECT / "requirements" / "app.txt"), "boto3"])
            text = _STAND_INS.format(base=PYTHON)
            _build_and_push(image, containerfile=text, work=work, layout=layout, context=work / "context")
    return image


def by_digest(image: str, *, layout: Layout) -> str:
    """Return the reference of an image that was pushed, by its digest."""
    name = image.rpartition(":")[0]
    with _ask_registry(image, layout=layout) as answer:
        return f"{name}@{answer.headers['Docker-Content-Digest']}"


def _fingerprint(*more: Path, packages: Iterable[str] = PACKAGES) -> str:
    """A hash of everything that goes into an image of this tree's own files."""
    files = [*more, PROJECT / "requirements" / "app.txt", PROJECT / "prefect.yaml", PROJECT / "pyproject.toml"]
    for package in packages:
        files += [file for file in sorted((PROJECT / package).rglob("*")) if file.is_file() and file.suffix != ".pyc"]
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(f"{file}".encode() + b"\0" + file.read_bytes()).digest())
    return total.hexdigest()[:40]


def registry_options(layout: Layout) -> list[str | Path]:
    """Buildah's options to talk to the cluster's registry."""
    return ["--authfile", layout.credentials, "--cert-dir", registry.trusted(layout)]


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
    run([*store, *build, *registry_options(layout), "--file", work / "Containerfile", context or work], folder=work)
    run([*store, "push", *registry_options(layout), "made", f"docker://{image}"], folder=work)


def _is_pushed(image: str, *, layout: Layout) -> bool:
    try:
        with _ask_registry(image, layout=layout):
            return True
    except HTTPError as error:
        if error.code == 404:
            return False
        raise


def _ask_registry(image: str, *, layout: Layout) -> HTTPResponse:
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
    answer: HTTPResponse = urllib.request.urlopen(request, context=context, timeout=10)  # noqa: S310 - our own registry
    return answer
