"""Images in an OCI image layout: a folder with `index.json` and `blobs/`."""

from __future__ import annotations

import json
import re
from pathlib import Path

from blocks.image_errors import LayoutBrokenError

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG_ANNOTATION = "org.opencontainers.image.ref.name"


class LayoutClient:
    """An image layout as a repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def destination(self, tag: str) -> str:
        """Return where to push an image, as Buildah takes it."""
        return f"oci:{self._folder}:{tag}"

    def digest_of(self, tag: str) -> str | None:
        """Return the digest that a tag names, or None if the layout or the tag does not exist.

        Raises:
            LayoutBrokenError: the index cannot be read, or names an image that is not there.
        """
        for entry in self._entries():
            if not isinstance(entry, dict) or (entry.get("annotations") or {}).get(_TAG_ANNOTATION) != tag:
                continue
            digest = entry.get("digest")
            # Checked before it becomes part of a path: the index may come from anywhere.
            if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
                raise LayoutBrokenError(folder=str(self._folder), reason=f"'{digest}' is no digest")
            if not (self._folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).is_file():
                raise LayoutBrokenError(folder=str(self._folder), reason=f"{digest} is in its index, but not in blobs/")
            return digest
        return None

    def pull_reference(self, digest: str) -> str:
        """Return the reference by digest."""
        return f"oci:{self._folder}@{digest}"

    def _entries(self) -> list[object]:
        try:
            index = json.loads((self._folder / "index.json").read_bytes())
            entries = index["manifests"]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LayoutBrokenError(folder=str(self._folder), reason=f"index.json: {error}") from error
        if not isinstance(entries, list):
            raise LayoutBrokenError(folder=str(self._folder), reason="index.json has no list of manifests")
        return entries
