"""The image map: which local environment stands for a container image."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.kube.objects import Object

# The grammar of the distribution's reference, with Buildah's own for layouts, by which the sandbox names what it built.
_NAME = re.compile(
    r"(oci:\S+|(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?)"
)
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


class ImageNotPulledError(Exception):
    """There is no local environment for an image now; it is tried again."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """A local environment: where its programs are, and what an image's configuration would say."""

    path: tuple[str, ...] = _PATH
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    layout: Path | None = None  # the OCI layout that must hold the digest of the reference
    needs: Path | None = None  # a file without which the environment is not there
    otherwise: str = ""  # what to do then


def is_image_name(reference: str) -> bool:
    """Tell whether a reference can be parsed; one that cannot is never tried again."""
    return _NAME.fullmatch(reference) is not None


class ImageMap:
    """Reads the map anew whenever the file changes, so that a missing image can be added while a pod waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = -1
        self._images: dict[str, Image] = {}

    def find(self, reference: str) -> Image:
        """Return the environment of an image: under its full reference, else under its repository.

        Raises:
            ImageNotPulledError: there is none, or what it stands for is missing.
        """
        changed = self._path.stat().st_mtime_ns
        if changed != self._read_at:
            entries = json.loads(self._path.read_text())["images"]
            self._images = {name: _image(entry) for name, entry in entries.items()}
            self._read_at = changed
        image = self._images.get(reference) or self._images.get(repository(reference))
        if image is None:
            raise ImageNotPulledError(
                f"the sandbox's image map has no {reference!r}: add it to the file given by --images"
            )
        digest = reference.partition("@")[2]
        if image.layout and digest and not (image.layout / "blobs" / digest.replace(":", "/")).is_file():
            raise ImageNotPulledError(f"manifest unknown: {image.layout} holds no {digest}")
        if image.needs and not image.needs.exists():
            raise ImageNotPulledError(f"{image.needs} is missing: {image.otherwise}")
        return image


def repository(reference: str) -> str:
    """Return an image reference without its tag and digest."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def image_id(reference: str) -> str:
    """Return what stands in `imageID`: repository and digest where the reference has one; nothing is invented."""
    digest = reference.partition("@")[2]
    return f"{repository(reference)}@{digest}" if digest else f"local:{reference}"


def _image(entry: Object) -> Image:
    return Image(
        path=tuple(entry.get("path") or _PATH),
        env=dict(entry.get("env") or {}),
        workdir=entry.get("workdir") or "",
        entrypoint=tuple(entry.get("entrypoint") or ()),
        command=tuple(entry.get("cmd") or ()),
        layout=Path(entry["layout"]) if entry.get("layout") else None,
        needs=Path(entry["needs"]) if entry.get("needs") else None,
        otherwise=entry.get("otherwise") or "",
    )
