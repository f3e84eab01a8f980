"""What the tour tells of a flow run's receipt, which the flow itself wrote down."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox import buckets
from sandbox.errors import DemoFailedError
from sandbox.layout import BUCKET, Layout

Receipt = Mapping[str, Any]

_IMPORT_ROWS = {
    "repo": "from",
    "commit": "commit",
    "uri": "weights",
    "manifest_sha256": "manifest",
    "runtime_image": "image",
    "registry_url": "registry",
    "receipt": "receipt",
}
_DEPLOY_ROWS = {
    "url": "serves at",
    "volume": "volume",
    "manifest_sha256": "manifest",
    "image": "image",
    "completion": "answers",
    "registry_url": "registry",
    "receipt": "receipt",
}


def read(at: Layout, *, run_id: str) -> Receipt:
    """Find the receipt of a flow run in the bucket; `receipt` is where it is.

    Raises:
        DemoFailedError: a run that succeeded left none.
    """
    for key, _ in buckets.objects(at, prefix="receipts/"):
        if key.endswith(f"/{run_id}.json"):
            receipt: dict[str, Any] = json.loads(buckets.read(at, key))
            return {**receipt, "receipt": f"s3://{BUCKET}/{key}"}
    raise DemoFailedError(
        command=f"python -m sandbox objects receipts/ | grep {run_id}", reason="finds no receipt of the run", said=""
    )


def import_lines(receipt: Receipt) -> list[str]:
    """Tell an import in lines; what it did not write down is left out."""
    moved, total = receipt.get("files_moved"), receipt.get("files_total")
    size = receipt.get("bytes_moved") or 0
    told = (
        f"{moved} of {total} files, {size / 1e6:,.1f} MB"
        if size
        else f"no weight bytes: all {total} files were in place"
    )
    return [
        f"Imported {_name(receipt)}: a replica of the sandbox, not the real model",
        f"  {'moved':<10} {told}",
        *_rows(receipt, _IMPORT_ROWS),
    ]


def deploy_lines(receipt: Receipt) -> list[str]:
    """Tell a deploy in lines; what it did not write down is left out."""
    seconds = receipt.get("load_seconds")
    loaded = f", loaded in {seconds:.0f} s" if seconds is not None else ""
    told = f"served by vLLM{loaded}" if receipt.get("changed") else "nothing was applied: it was deployed already"
    shown = {**receipt, "completion": json.dumps(receipt.get("completion"))}
    return [
        f"Deployed {_name(receipt)} as {receipt.get('service')}: a replica of the sandbox, not the real model",
        f"  {'changed':<10} {told}",
        *_rows(shown, _DEPLOY_ROWS),
    ]


LINES: Mapping[str, Callable[[Receipt], list[str]]] = {"import": import_lines, "deploy": deploy_lines}
"""How the receipt of each flow is told."""


def _name(receipt: Receipt) -> str:
    return f"{receipt.get('registered_model')} / {receipt.get('version')}"


def _rows(receipt: Receipt, titles: Mapping[str, str]) -> list[str]:
    return [f"  {title:<10} {receipt[key]}" for key, title in titles.items() if receipt.get(key)]
