"""`python -m images flows|evaluation --to docker://host/org/name:tag`: build an image with Buildah and push it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from images.context import gather, run
from images.errors import ImageError

_DEFAULT_BASE = "docker.io/library/python:3.11-slim"


def main(arguments: list[str]) -> int:
    """Build, push, and print the reference by digest."""
    options = _parser().parse_args(arguments)
    try:
        digest = _publish(options)
    except ImageError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.to.removeprefix('docker://').rpartition(':')[0]}@{digest}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m images", description=__doc__)
    parser.add_argument("image", choices=("flows", "evaluation"))
    parser.add_argument("--to", required=True, help="docker://host/org/name:tag, or oci:/folder:tag")
    parser.add_argument("--base", default=_DEFAULT_BASE, help="an image with Python 3.11; default: %(default)s")
    parser.add_argument("--ca-bundle", type=Path, help="PEM file of certificate authorities that the image shall trust")
    parser.add_argument("--authfile", type=Path, help="log-ins of registries; default: Buildah's own")
    parser.add_argument("--cert-dir", type=Path, help="folder of the authorities that the registries are trusted by")
    parser.add_argument("--platform", default="x86_64-manylinux_2_28", help="whose packages; default: %(default)s")
    return parser


def _publish(options: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory(prefix="slipway-image-") as scratch:
        work = Path(scratch)
        context = work / "context"
        context.mkdir()
        gather(options.image, folder=context, ca_bundle=options.ca_bundle, platform=options.platform)
        # vfs and chroot need neither a device, nor a mount, nor more rights than the user has.
        store = ["buildah", "--root", f"{work}/store", "--runroot", f"{work}/run", "--storage-driver", "vfs"]
        access = [
            *(["--authfile", str(options.authfile.absolute())] if options.authfile else []),
            *(["--cert-dir", str(options.cert_dir.absolute())] if options.cert_dir else []),
        ]
        # --timestamp 0: equal inputs give an equal digest.
        build = ["build", *access, "--isolation", "chroot", "--layers=false", "--format", "oci", "--timestamp", "0"]
        run([*store, *build, "--build-arg", f"BASE_IMAGE={options.base}", "--tag", "made", str(context)])
        run([*store, "push", *access, "--digestfile", f"{work}/digest", "made", options.to])
        return (work / "digest").read_text().strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
