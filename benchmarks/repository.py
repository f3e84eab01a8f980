"""The repository that all contestants move, a replica of SmolLM2 filled up to a size, and a catalog for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.cases import Replica
from deployments import catalog
from sandbox import replicas
from sandbox.hub import publish

MODEL = "smollm2"
OVERLAY = Path(__file__).resolve().parent.parent / "sandbox" / "models" / f"{MODEL}.yaml"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as a Hub may serve it.

    Attributes:
        root: the Hub's directory.
        catalog: a folder for SLIPWAY_CATALOG_OVERLAY.
        size: bytes of all files.
        weight_bytes: of the weights alone.
    """

    root: Path
    catalog: Path
    size: int
    weight_bytes: int


@contextmanager
def published(replica: Replica, *, folder: Path) -> Iterator[Repository]:
    """Make a repository under a folder for a block of code; all of it is gone afterwards."""
    files, root, overlay = folder / "files", folder / "hub", folder / "catalog"
    try:
        replicas.build(
            MODEL, files, size_bytes=replica.mib << 20, shards=replica.shards, small_files=replica.small_files
        )
        declared = yaml.safe_load(OVERLAY.read_text(encoding="utf-8"))
        # Filler counts as parameters too: the flow proves the identity of what it moves here as it does elsewhere.
        declared["identity"]["parameters"] = replicas.identity(files)["parameters"]
        overlay.mkdir()
        (overlay / OVERLAY.name).write_text(yaml.safe_dump(declared), encoding="utf-8")
        source = catalog.load(MODEL, overlay=overlay).source
        publish(root, source.repo, files, commit=source.revision)
        sizes = {path: path.stat().st_size for path in files.rglob("*") if path.is_file()}
        weights = sum(size for path, size in sizes.items() if path.suffix == ".safetensors")
        yield Repository(root, overlay, sum(sizes.values()), weights)
    finally:
        for made in (files, root, overlay):
            shutil.rmtree(made, ignore_errors=True)
