"""Which files an import is about: what the spec selects, whether they are whole, and which of them are missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from deployments.spec import Source
from flows.import_model.manifest import MANIFEST

if TYPE_CHECKING:
    from blocks.hub_files import HubFile, TensorInfo
    from flows.import_model.manifest import Manifest

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
CONFIG = "config.json"
PICKLE_SUFFIXES = frozenset(
    {".bin", ".ckpt", ".dill", ".h5", ".joblib", ".keras", ".msgpack", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"}
)
"""Weights in formats that run code of their author when they are loaded, or can: pickles, and their relatives."""


def select_files(files: Iterable[HubFile], *, source: Source) -> tuple[HubFile, ...]:
    """Choose the files that the spec asks for, in the order of their paths."""
    return tuple(sorted((file for file in files if source.selects(file.path)), key=lambda file: file.path))


def unreadable(config: bytes, *, index: bytes | None) -> str | None:
    """Say which of the two documents that the import itself reads is not what it should be; None where both are."""
    if not isinstance(_json(config), dict):
        return f"{CONFIG} is no JSON object"
    content = {"weight_map": {}} if index is None else _json(index)
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict) or not all(isinstance(shard, str) for shard in weight_map.values()):
        return f"{INDEX} has no weight_map of tensor names and files"
    return None


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def taken_name(files: Iterable[HubFile]) -> str | None:
    """Say that a file would stand where the version's own commit marker belongs; None where none would."""
    if any(file.path == MANIFEST for file in files):
        return f"it has a {MANIFEST}, which is the name of the version's own; add it to source.exclude"
    return None


def danger(files: Iterable[HubFile], *, config: Mapping[str, Any], source: Source) -> str | None:
    """Say why a file set would run code of its author when it is loaded; None where it would not."""
    paths = [file.path for file in files]
    pickles = [path for path in paths if PurePosixPath(path).suffix.lower() in PICKLE_SUFFIXES]
    if pickles and not source.pickles_allowed:
        return f"{pickles[0]} is a pickle, which runs code when it is loaded; exclude it, or set source.pickles_allowed"
    code = [path for path in paths if path.lower().endswith(".py")] or (
        ["auto_map in config.json"] if config.get("auto_map") else []
    )
    if code and not source.remote_code_allowed:
        return f"the model needs code from its repository ({code[0]}); set source.remote_code_allowed to accept it"
    return None


def weight_files(files: Iterable[HubFile]) -> tuple[HubFile, ...]:
    """The safetensors files among the selected ones."""
    return tuple(file for file in files if file.path.endswith(".safetensors"))


def missing_weights(files: Iterable[HubFile], *, index: bytes | None) -> str | None:
    """Say how the weights are incomplete against `model.safetensors.index.json`; None where they are whole.

    Args:
        files: the selected files.
        index: the index's content, or None where the repository has none: then one `model.safetensors` is expected.
    """
    held = {file.path for file in weight_files(files)}
    if not held:
        return "it has no safetensors weights among the selected files"
    if index is None:
        return None if held == {SINGLE} else f"it has {len(held)} weight files but no {INDEX}"
    listed = set(_weight_map(index).values())
    if absent := sorted(listed - held):
        return f"{len(absent)} of {len(listed)} shards are missing: {', '.join(absent[:3])}"
    if extra := sorted(held - listed):
        return f"{', '.join(extra[:3])} is not in {INDEX}; add it to source.exclude"
    return None


def misplaced_tensors(headers: Mapping[str, Mapping[str, TensorInfo]], *, index: bytes | None) -> str | None:
    """Say where the shards' own headers contradict the index: a tensor that is nowhere, or elsewhere."""
    if index is None:
        return None
    weight_map = _weight_map(index)
    for name, shard in weight_map.items():
        if name not in headers.get(shard, {}):
            return f"tensor {name} is not in {shard}, where {INDEX} places it"
    unlisted = [name for header in headers.values() for name in header if name not in weight_map]
    return f"tensor {unlisted[0]} is not in {INDEX}" if unlisted else None


def _weight_map(index: bytes) -> dict[str, str]:
    return dict(json.loads(index)["weight_map"])


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """What is left to do for a version's files.

    Attributes:
        missing: files to transfer, largest first, so that the last one running is small.
        present: files whose bytes the manifest vouches for and the listing shows at their size.
        leftovers: keys under the version's prefix that belong to no file of it.
    """

    missing: tuple[HubFile, ...]
    present: tuple[HubFile, ...]
    leftovers: tuple[str, ...]


def plan_transfers(
    files: Iterable[HubFile],
    *,
    prefix: str,
    held: Mapping[str, int],
    manifest: Manifest | None,
    doubted: frozenset[str] = frozenset(),
) -> TransferPlan:
    """Compare wanted files with what the store holds.

    Without a manifest nothing is vouched for: every file goes to a transfer, which skips it by its object's own
    metadata. With one, a file of the recorded size is done, unless there is a reason to doubt it.

    Args:
        files: the version's files.
        prefix: the version's key prefix, with a trailing slash.
        held: size in bytes by key, as listed under the prefix.
        manifest: the version's commit marker, if it was written.
        doubted: paths that the manifest does not vouch for, although it lists them.
    """
    wanted = tuple(files)
    vouched = {file.path: file.size for file in manifest.files if file.path not in doubted} if manifest else {}
    present = tuple(file for file in wanted if vouched.get(file.path) == file.size == held.get(prefix + file.path))
    done = {file.path for file in present}
    missing = sorted((file for file in wanted if file.path not in done), key=lambda file: (-file.size, file.path))
    known = {prefix + file.path for file in wanted} | {prefix + MANIFEST}
    return TransferPlan(tuple(missing), present, tuple(sorted(set(held) - known)))
