"""Makes the small base of the sandbox's runtime image: busybox and CA roots, from Debian's packages."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGES = ("busybox-static", "ca-certificates")
_USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"
_CONTAINERFILE = """\
FROM scratch
ADD rootfs /
RUN ["/bin/busybox", "--install", "-s", "/bin"]
LABEL org.opencontainers.image.title="slipway sandbox base"
"""


class BaseImageError(Exception):
    """The base image cannot be made; the sentence says what to do."""


def base_image(layout: Path) -> str:
    """Return the reference of the base image in an OCI layout, made if it is not there.

    Args:
        layout: the OCI layout's folder, absolute; it serves as the cache.

    Returns:
        `oci:<layout>:sha256-<hex>`: the tag is the image's own digest, because Buildah 1.28 takes no `@digest` of an
        OCI layout.

    Raises:
        BaseImageError: a tool or a package is missing.
    """
    cached = _cached_digest(layout)
    return _reference(layout, cached or _make(layout))


def _reference(layout: Path, digest: str) -> str:
    return f"oci:{layout}:{_tag(digest)}"


def _tag(digest: str) -> str:
    return digest.replace(":", "-")


def _cached_digest(layout: Path) -> str | None:
    try:
        index = json.loads((layout / "index.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    for entry in index.get("manifests", ()):
        digest: str = entry["digest"]
        tag = entry.get("annotations", {}).get("org.opencontainers.image.ref.name")
        if tag == _tag(digest) and (layout / "blobs" / digest.replace(":", "/")).is_file():
            return digest
    return None


def _make(layout: Path) -> str:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            message = f"there is no {tool} here, and the base image is made of Debian's packages. Use Debian or Ubuntu"
            raise BaseImageError(message)
    if shutil.which("buildah") is None:
        message = "buildah is not installed. On Debian or Ubuntu: apt-get install -y buildah"
        raise BaseImageError(message)
    if layout.exists() and any(layout.iterdir()) and not (layout / "oci-layout").is_file():
        message = f"{layout} holds something else than an image layout, and is left alone. Name another folder"
        raise BaseImageError(message)
    layout.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="slipway-base-") as scratch:
        work = Path(scratch)
        _download(work / "packages")
        _fill(work / "context" / "rootfs", packages=work / "packages")
        (work / "context" / "Containerfile").write_text(_CONTAINERFILE)
        store = ["buildah", "--root", f"{work}/storage", "--runroot", f"{work}/run", "--storage-driver", "vfs"]
        _run([*store, "build", "--isolation", "chroot", "--layers=false", "--timestamp", "0", "--tag", "base", "--file",
              f"{work}/context/Containerfile", f"{work}/context"])  # fmt: skip
        # The first push finds out the digest, the second one names the image by it.
        _run([*store, "push", "--digestfile", f"{work}/digest", "base", f"oci:{work}/layout:base"])
        digest = (work / "digest").read_text().strip()
        shutil.rmtree(work / "layout")
        _run([*store, "push", "base", f"oci:{work}/layout:{_tag(digest)}"])
        # Whole or not at all: a half-written layout would be taken for a cached one.
        shutil.rmtree(layout, ignore_errors=True)
        shutil.move(work / "layout", layout)
    return digest


def _download(packages: Path) -> None:
    packages.mkdir()
    download = ["apt-get", "-o", "APT::Sandbox::User=root", "download", *_PACKAGES]
    with _alone():
        if subprocess.run(download, cwd=packages, capture_output=True, check=False).returncode != 0:
            # A fresh machine has no package lists yet, an old one may ask for versions that are gone.
            _run(["apt-get", "update"], cwd=packages)
            _run(download, cwd=packages)


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process of this checkout at a time use apt, which fails where another one updates its lists."""
    folder = os.open(Path(__file__).parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _fill(rootfs: Path, *, packages: Path) -> None:
    unpacked = packages / "unpacked"
    for package in sorted(packages.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(unpacked)])
    for folder in ("bin", "etc/ssl/certs", "root", "tmp"):
        (rootfs / folder).mkdir(parents=True)
    shutil.copy2(unpacked / "bin" / "busybox", rootfs / "bin" / "busybox")
    roots = sorted((unpacked / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    (rootfs / "etc/ssl/certs/ca-certificates.crt").write_text("".join(root.read_text() for root in roots))
    (rootfs / "etc/passwd").write_text(_USERS)
    (rootfs / "etc/group").write_text(_GROUPS)
    (rootfs / "tmp").chmod(0o1777)


def _run(command: list[str], *, cwd: Path | None = None) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-500:]
        message = f"'{' '.join(command[:4])} …' failed with code {done.returncode}: {said}. Run it by hand to see more"
        raise BaseImageError(message)


def main(arguments: list[str]) -> int:
    """Print the base image's reference; make the image first if needed."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.base_image", description=__doc__)
    default = Path("~/.cache/slipway/base-image").expanduser()
    parser.add_argument("layout", metavar="OCI_DIR", type=Path, nargs="?", default=default, help=f"default: {default}")
    options = parser.parse_args(arguments)
    try:
        print(base_image(options.layout.absolute()))
    except BaseImageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
