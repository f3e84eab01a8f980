"""How evidence of a failure is written down: objects as YAML, events and GPUs as tables, without secrets: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from k8s.diagnosis import Diagnosis
from k8s.fields import Manifest, event_time, name_of
from k8s.gpus import GpuInventory
from k8s.redaction import redacted, redacted_text


def summary_text(thing: Manifest, diagnosis: Diagnosis) -> str:
    """Return what is wrong with an object, and what to do."""
    lines = [
        f"{thing['kind']} {thing['metadata'].get('namespace', '')}/{name_of(thing)}",
        f"category: {diagnosis.category}",
        f"what: {diagnosis.sentence}",
        f"next: {diagnosis.next_action}",
    ]
    return redacted_text("\n".join(lines)) + "\n"


def object_text(thing: Mapping[str, Any]) -> str:
    """Return an object as YAML."""
    return yaml.safe_dump(redacted(thing), sort_keys=False, allow_unicode=True, width=120)


def objects_text(things: Iterable[Mapping[str, Any]]) -> str:
    """Return objects as YAML documents, nothing if there are none."""
    return "---\n".join(object_text(thing) for thing in things)


def log_text(lines: Sequence[str]) -> str:
    """Return a log, whose reader has taken the secrets out."""
    return "\n".join(lines) + "\n" if lines else ""


def events_text(events: Iterable[Manifest]) -> str:
    """Return events, one a line, the oldest first: time, type, reason, object, message."""
    ordered = sorted(events, key=event_time)
    rows = [
        "  ".join(
            (
                event_time(event),
                str(event.get("type", "")),
                str(event.get("reason", "")),
                f"{event.get('involvedObject', {}).get('kind', '')}/{event.get('involvedObject', {}).get('name', '')}",
                " ".join(str(event.get("message", "")).split()),
            )
        )
        for event in ordered
    ]
    return redacted_text("\n".join(rows)) + "\n" if rows else ""


def gpus_text(inventory: GpuInventory | None) -> str:
    """Return which node has how many GPUs and who holds them, and the quotas; nothing where that is unknown."""
    if inventory is None:
        return ""
    nodes = [
        f"{node.name}  {node.product or '(no GPU)'}  {node.used} of {node.gpus} used"
        f"{'' if node.usable else '  cordoned or not ready'}{'  by ' if node.holders else ''}{', '.join(node.holders)}"
        for node in inventory.nodes
    ]
    quotas = [f"quota {quota.name}  {quota.used} of {quota.limit} used" for quota in inventory.quotas]
    return "\n".join([*nodes, *quotas]) + "\n"
