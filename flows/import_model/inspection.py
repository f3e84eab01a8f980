"""Look into a revision before any weight moves: is it whole, harmless, and the model that the catalog declares?"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from blocks.hub_files import HubFile, HubRevision
from deployments.spec import ModelSpec
from flows.import_model.errors import FileSetError, IdentityError
from flows.import_model.identity import declared, differences, observed
from flows.import_model.keys import safe_key
from flows.import_model.plan import (
    CONFIG,
    INDEX,
    danger,
    misplaced_tensors,
    missing_weights,
    taken_name,
    unreadable,
    weight_files,
)

if TYPE_CHECKING:
    from blocks.hub import HubClient

CONFIG_LIMIT_BYTES = 1 << 20
INDEX_LIMIT_BYTES = 64 << 20
"""The index of a large mixture of experts has some 100,000 lines; a hundred times that is no index."""

HEADERS_AT_ONCE = 8


def inspect(client: HubClient, *, spec: ModelSpec, revision: HubRevision, files: tuple[HubFile, ...]) -> None:
    """Prove that the selected files are the declared model, from its config, index and safetensors headers.

    Some kilobytes a shard are read, no weights.

    Raises:
        FileSetError: a file is missing, leaves the prefix, contradicts the index, or would run code.
        IdentityError: the files are another model.
    """
    by_path = {file.path: file for file in files}

    def refuse_if(reason: str | None) -> None:
        if reason:
            raise FileSetError(model=spec.key, repo=revision.repo, commit=revision.commit, reason=reason)

    def read(path: str, limit_bytes: int) -> bytes | None:
        file = by_path.get(path)
        return client.read(revision.repo, commit=revision.commit, file=file, limit_bytes=limit_bytes) if file else None

    for file in files:
        safe_key(spec.prefix, file.path)
    refuse_if(taken_name(files))
    if CONFIG not in by_path:
        refuse_if(f"it has no {CONFIG} among the selected files")
    config_bytes, index = read(CONFIG, CONFIG_LIMIT_BYTES) or b"", read(INDEX, INDEX_LIMIT_BYTES)
    refuse_if(unreadable(config_bytes, index=index))
    config = json.loads(config_bytes)
    refuse_if(danger(files, config=config, source=spec.source))
    refuse_if(missing_weights(files, index=index))
    shards = weight_files(files)
    with ThreadPoolExecutor(HEADERS_AT_ONCE, thread_name_prefix="header") as pool:
        read_headers = pool.map(
            lambda shard: client.safetensors_header(revision.repo, commit=revision.commit, file=shard), shards
        )
        headers = dict(zip((shard.path for shard in shards), read_headers, strict=True))
    refuse_if(misplaced_tensors(headers, index=index))
    try:
        found = observed(config, (tensor for header in headers.values() for tensor in header.items()))
    except (AttributeError, TypeError, ValueError) as error:  # a value of another kind than transformers writes
        refuse_if(f"{CONFIG} cannot be understood ({error})")
        raise
    if different := differences(declared(spec.identity), found):
        raise IdentityError(model=spec.key, repo=revision.repo, commit=revision.commit, differences=different)
