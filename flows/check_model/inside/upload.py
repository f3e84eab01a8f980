"""Waits until the tool has ended, however it ended, and brings its reports into S3."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.object_store_connection import environment_store
from flows.check_model.inside.ending import ended

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

_SCHEME = "s3://"
_TYPES = {
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".png": "image/png",
    ".txt": "text/plain",
}


def await_end(pipe: Path) -> str:
    """Return the tool's exit code as it was told; empty if the tool was killed and told nothing.

    Whoever comes first makes the pipe; see `k8s/manifests/evaluation_job.py`.
    """
    with suppress(FileExistsError):
        os.mkfifo(pipe)
    return pipe.read_text(encoding="ascii").strip()


def upload(client: StoreClient, *, reports: Path, prefix: str) -> int:
    """Put every file below a folder under a prefix, and return how many there were.

    What an earlier attempt of the same run left there goes first: reports of two attempts are no one measurement.

    Args:
        client: the bucket.
        reports: the folder.
        prefix: where to, with a trailing slash.
    """
    client.delete([entry.key for entry in client.list(prefix)])
    count = 0
    for file in sorted(path for path in reports.rglob("*") if path.is_file() and not path.is_symlink()):
        content = file.read_bytes()
        client.put(
            prefix + file.relative_to(reports).as_posix(),
            content,
            metadata={"sha256": hashlib.sha256(content).hexdigest()},
            content_type=content_type(file.name),
        )
        count += 1
    return count


def content_type(name: str) -> str:
    """The media type of a result, so that a browser shows it."""
    return _TYPES.get(Path(name).suffix, "application/octet-stream")


def main(arguments: Sequence[str] | None = None) -> int:
    """Wait and upload; the command line of the container beside the tool."""
    parser = argparse.ArgumentParser(prog="python -m flows.check_model.inside.upload", description=__doc__)
    parser.add_argument("--reports", required=True, type=Path, help="the folder that the tool writes")
    parser.add_argument("--done", required=True, type=Path, help="the pipe that the tool's shell holds open")
    parser.add_argument("--destination", required=True, help="s3://bucket/prefix/")
    chosen = parser.parse_args(arguments)
    # The tool's shell may run as another user, and opens the pipe for writing.
    os.umask(0)
    return ended(lambda: _upload(chosen))


def _upload(chosen: argparse.Namespace) -> str:
    code = await_end(chosen.done)
    bucket, _, prefix = chosen.destination.removeprefix(_SCHEME).partition("/")
    count = upload(environment_store(bucket), reports=chosen.reports, prefix=prefix)
    how = f"with code {code}" if code else "without a word, as it does when it is killed"
    return f"the tool ended {how}; {count} files are at {chosen.destination}"


if __name__ == "__main__":
    sys.exit(main())
