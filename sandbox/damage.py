"""Damages the weights of an imported replica where they lie, and mends them: what a gate must see, planted."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sandbox import buckets, replicas
from sandbox.errors import NothingToDamageError
from sandbox.layout import BUCKET, Layout


def rewrite(at: Layout, *, replica: str, prefix: str, noise: float | None) -> list[str]:
    """Write a replica's weight files over those of an imported version.

    Manifest and metadata stay, as they do where a disk rots or somebody writes by hand: what is served next has other
    numbers under the same names.

    Args:
        at: a running sandbox.
        replica: what the version was imported from, for example "quantized".
        prefix: of the version, with the trailing slash.
        noise: standard deviations of damage; None mends.

    Returns:
        The keys that were written.

    Raises:
        NothingToDamageError: the version does not have these files.
    """
    store, written = buckets.client(at), []
    there = {key for key, _ in buckets.objects(at, prefix=prefix)}
    with tempfile.TemporaryDirectory(prefix="replica-") as folder:
        replicas.build(replica, Path(folder), noise=noise)
        for file in sorted(Path(folder).glob("model*.safetensors")):
            key = prefix + file.name
            if key not in there:
                raise NothingToDamageError(uri=f"s3://{BUCKET}/{key}")
            metadata = store.head_object(Bucket=BUCKET, Key=key)["Metadata"]
            store.put_object(Bucket=BUCKET, Key=key, Body=file.read_bytes(), Metadata=metadata)
            written.append(key)
    return written
