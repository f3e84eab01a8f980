"""What goes into the runtime image, and the tag that follows from it: pure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class RuntimeInputs:
    """All that can change the image.

    Attributes:
        containerfile: the text of images/runtime/Containerfile.
        build_script: the text of images/runtime/build.sh.
        base_image: the base's reference; only one by digest keeps the tag honest.
        ca_bundle: PEM certificates that the image shall trust besides its base's; empty for none.
        title: the image's title label.
    """

    containerfile: str
    build_script: str
    base_image: str
    ca_bundle: str = ""
    title: str = "slipway vLLM runtime"


def runtime_tag(inputs: RuntimeInputs) -> str:
    """Return the image's tag: the first 40 hex digits of the SHA-256 of everything that goes in.

    Each part is hashed by itself, so that moving text from one part to another changes the tag.
    """
    parts = {
        "base_image": inputs.base_image,
        "build_script": inputs.build_script,
        "ca_bundle": inputs.ca_bundle,
        "containerfile": inputs.containerfile,
        "title": inputs.title,
    }
    hashes = {name: hashlib.sha256(part.encode()).hexdigest() for name, part in parts.items()}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()[:40]


def pushed_digest(message: str) -> str | None:
    """Return the digest that the build Job left as its termination message, or None if that is no digest."""
    digest = message.strip()
    return digest if _DIGEST.fullmatch(digest) else None
