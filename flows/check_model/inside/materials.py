"""Brings what a tool reads into its pod: the model's tokenizer, each file proved; if asked, tasks' data and CAs.

lm-eval once took the service's name for a tokenizer, asked the Hub for it, and got 401. With the tokenizer of the very
weights at hand nobody asks the Hub, and no token is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.object_store_connection import environment_store
from blocks.trust import trusted
from flows.check_model.errors import NoAuthoritiesError, NoTaskDataError, NoTokenizerError
from flows.check_model.inside.ending import ended
from flows.import_model.keys import safe_key
from flows.import_model.manifest import MANIFEST
from flows.import_model.stock import read_manifest

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

TOKENIZER = "tokenizer"
"""The folder of the materials that has the tokenizer."""
AUTHORITIES = "authorities.pem"
"""The file of the materials with all certificate authorities, the public ones too: a tool trusts no others."""
DATA_CACHE = "huggingface/datasets"
"""The folder of the tool's home where the tasks' data is looked for."""

# tekken.json is left out: it holds the same tokens again, for a library that the tools do not have.
_TOKENIZER_FILES = frozenset(
    {
        "added_tokens.json",
        "chat_template.jinja",
        "chat_template.json",
        "config.json",
        "generation_config.json",
        "merges.txt",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "vocab.json",
    }
)
_LIMIT_BYTES = 1 << 30


def bring_tokenizer(client: StoreClient, *, prefix: str, manifest_sha256: str, folder: Path) -> int:
    """Write a version's tokenizer into a folder, and return the number of its files.

    Args:
        client: the bucket.
        prefix: the version's prefix, with a trailing slash.
        manifest_sha256: the manifest that is under test.
        folder: where to; it is made.

    Raises:
        NoTokenizerError: the prefix holds another version, or one without a tokenizer, or a file has other bytes.
    """
    uri = f"s3://{client.bucket}/{prefix}"
    manifest = read_manifest(client, prefix=prefix)
    if manifest is None or manifest.digest() != manifest_sha256:
        held = manifest.digest()[:12] if manifest else "no manifest"
        raise NoTokenizerError(uri=uri, reason=f"{MANIFEST} is {held}, under test is {manifest_sha256[:12]}")
    files = [file for file in manifest.files if file.path in _TOKENIZER_FILES]
    if not any(file.path.startswith("tokenizer.") for file in files):
        raise NoTokenizerError(uri=uri, reason="it has neither tokenizer.json nor tokenizer.model")
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        content, _ = client.get(prefix + file.path, limit_bytes=_LIMIT_BYTES)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise NoTokenizerError(uri=uri, reason=f"{file.path} has other bytes than the manifest says")
        (folder / file.path).write_bytes(content)
    return len(files)


def bring_data(client: StoreClient, *, prefix: str, folder: Path) -> int:
    """Write the tasks' data into the cache that the tool reads, and return the number of its files.

    Raises:
        NoTaskDataError: nobody put it into the bucket.
    """
    count = 0
    for entry in client.list(prefix):
        path = folder / safe_key("", entry.key.removeprefix(prefix))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.get(entry.key, limit_bytes=_LIMIT_BYTES)[0])
        count += 1
    if not count:
        raise NoTaskDataError(uri=f"s3://{client.bucket}/{prefix}")
    return count


def bring_authorities(folder: Path) -> None:
    """Write what this environment trusts into a folder: the tool's image knows the public authorities at most.

    Raises:
        NoAuthoritiesError: no file of authorities is named here.
        CaBundleError: it cannot be used.
    """
    file = trusted()
    if file is None:
        raise NoAuthoritiesError
    (folder / AUTHORITIES).write_bytes(Path(file).read_bytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring what is asked for; the command line of the Job's init container."""
    chosen = _parser().parse_args(arguments)
    # The tool may run as another user, and its libraries lock the data that they read.
    os.umask(0)
    return ended(lambda: _bring(chosen))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.check_model.inside.materials", description=__doc__)
    parser.add_argument("--materials", required=True, type=Path, help="the folder that the tool reads")
    parser.add_argument("--home", required=True, type=Path, help="the tool's home")
    parser.add_argument("--bucket", required=True, help="the bucket")
    parser.add_argument("--tokenizer", help="the prefix of the version whose tokenizer is wanted")
    parser.add_argument("--manifest-sha256", default="", help="SHA-256 of that version's manifest")
    parser.add_argument("--task-data", help="the prefix of the tasks' data; without it the tool asks the Hub")
    parser.add_argument("--authorities", action="store_true", help="bring the file of certificate authorities too")
    return parser


def _bring(chosen: argparse.Namespace) -> str:
    client = environment_store(chosen.bucket)
    brought = []
    if chosen.tokenizer:
        folder = chosen.materials / TOKENIZER
        count = bring_tokenizer(client, prefix=chosen.tokenizer, manifest_sha256=chosen.manifest_sha256, folder=folder)
        brought.append(f"{count} files of the tokenizer, verified")
    if chosen.task_data:
        count = bring_data(client, prefix=chosen.task_data, folder=chosen.home / DATA_CACHE)
        brought.append(f"{count} files of the tasks' data")
    if chosen.authorities:
        bring_authorities(chosen.materials)
        brought.append("the certificate authorities")
    return f"brought {', '.join(brought) or 'nothing: nothing was asked for'}"


if __name__ == "__main__":
    sys.exit(main())
