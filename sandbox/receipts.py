"""What the tour tells of a flow run's receipt, which the flow itself wrote down."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox import buckets
from sandbox.errors import DemoFailedError
from sandbox.layout import BUCKET, Layout

Receipt = Mapping[str, Any]

_PLACES = (("receipts", ".json"), ("test-results", "/result.json"), ("comparisons", "/comparison.json"))
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
    places = [(f"{folder}/", f"/{run_id}{end}") for folder, end in _PLACES]
    for prefix, end in places:
        for key, _ in buckets.objects(at, prefix=prefix):
            if key.endswith(end):
                receipt: dict[str, Any] = json.loads(buckets.read(at, key))
                return {**receipt, "flow_run_id": run_id, "receipt": f"s3://{BUCKET}/{key}"}
    raise DemoFailedError(
        command=f"python -m sandbox objects | grep {run_id}", reason="finds no receipt of the run", said=""
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


def tested_lines(receipt: Receipt) -> list[str]:
    """Tell a test in lines: the verdict, then the accuracies and what the highest load gave."""
    subject, scores = receipt["subject"], receipt["evaluation"].get("scores", ())
    right = ", ".join(f"{score['task']} {score['accuracy']:.3f}" for score in scores) or "not measured"
    results = receipt["benchmarks"].get("results", ())
    most = max(results, key=lambda each: float(each["load"]["asked"]), default=None)
    speed = (
        f"{most['output_tokens_per_second']:.0f} output tokens/s with {most['load']['asked']:g} requests in flight"
        if most
        else "not measured"
    )
    return [
        f"Tested {_name(subject)}: a replica of the sandbox, not the real model",
        f"  {'verdict':<10} {receipt['judgement']['sentence']}",
        f"  {'accuracy':<10} {right}",
        f"  {'speed':<10} {speed}",
        f"  {'receipt':<10} {receipt['receipt']}",
    ]


def compared_lines(receipt: Receipt) -> list[str]:
    """Tell a comparison in lines."""
    return [
        "Compared the replicas, not the real models",
        f"  {'says':<10} {receipt['recommendation']['sentence']}",
        f"  {'receipt':<10} {receipt['receipt']}",
    ]


LINES: Mapping[str, Callable[[Receipt], list[str]]] = {
    "import": import_lines,
    "deploy": deploy_lines,
    "test": tested_lines,
    "compare": compared_lines,
}
"""How the receipt of each flow is told."""


def _name(receipt: Receipt) -> str:
    return f"{receipt.get('registered_model')} / {receipt.get('version')}"


def _rows(receipt: Receipt, titles: Mapping[str, str]) -> list[str]:
    return [f"  {title:<10} {receipt[key]}" for key, title in titles.items() if receipt.get(key)]
