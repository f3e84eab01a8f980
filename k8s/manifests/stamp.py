"""Marks a manifest with a hash of what it asks for, so that a later run can tell its own earlier attempt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SPEC_SHA256 = "slipway.dev/spec-sha256"
"""The annotation that holds the hash."""


def stamped(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest with an annotation that holds the SHA-256 of its `spec` as canonical JSON."""
    canonical = json.dumps(manifest["spec"], sort_keys=True, separators=(",", ":"))
    metadata = dict(manifest["metadata"])
    metadata["annotations"] = {
        **metadata.get("annotations", {}),
        SPEC_SHA256: hashlib.sha256(canonical.encode()).hexdigest(),
    }
    return {**manifest, "metadata": metadata}


def stamp_of(manifest: Mapping[str, Any]) -> str | None:
    """Return the hash that a manifest or an object of the API carries, or None."""
    found: str | None = (manifest.get("metadata", {}).get("annotations") or {}).get(SPEC_SHA256)
    return found
