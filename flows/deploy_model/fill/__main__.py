"""The volume-fill Job's command line; the result, or what went wrong, goes to the pod's termination message."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from blocks.errors import BlockError
from blocks.register import object_store, read_endpoints
from deployments.errors import SettingsError
from deployments.settings import settings
from flows.deploy_model.fill.filling import FillRequest, fill
from flows.import_model.options import TransferOptions


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, and return the exit code: 0 for a volume that holds the version, 1 for one that does not."""
    chosen = _parser().parse_args(arguments)
    try:
        store = object_store(read_endpoints(), bucket=chosen.bucket).client()
        result = fill(store, _request(chosen), say=_say)
    except (BlockError, SettingsError) as error:
        _leave(str(error))
        print(error, file=sys.stderr)
        return 1
    _say(result.sentence())
    _leave(result.model_dump_json())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.deploy_model.fill", description="Fill a model's volume with a version, from S3."
    )
    parser.add_argument("--bucket", required=True, help="the bucket of the weights")
    parser.add_argument("--prefix", required=True, help="the version's prefix in it, with a trailing slash")
    parser.add_argument("--volume", required=True, type=Path, help="where the volume is mounted")
    parser.add_argument("--folder", required=True, help="the version's folder on it")
    parser.add_argument("--manifest-sha256", required=True, help="SHA-256 of the version's manifest.json")
    parser.add_argument("--keep", action="append", default=[], help="a folder that stays; may be repeated")
    parser.add_argument("--in-use", action="append", default=[], help="a folder that pods read; may be repeated")
    return parser


def _request(chosen: argparse.Namespace) -> FillRequest:
    return FillRequest(
        volume=chosen.volume,
        prefix=chosen.prefix,
        folder=chosen.folder,
        manifest_sha256=chosen.manifest_sha256,
        keep=frozenset(chosen.keep),
        in_use=frozenset(chosen.in_use),
        options=TransferOptions.of(settings()),
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _leave(message: str) -> None:
    """Write to where the flow reads: Kubernetes keeps 4 KiB of it."""
    path = os.environ.get("TERMINATION_LOG")
    if path:
        Path(path).write_text(message[:4096], encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
