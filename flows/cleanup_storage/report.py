"""What people read of a cleanup: a row for each thing, and one sentence with the next command; pure."""

from __future__ import annotations

from collections.abc import Sequence

from flows.audit.rows import counted
from flows.cleanup_storage.plan import Kept, Removal
from flows.import_model.progress import size_text

_NAMED = 3


def rows(done: Sequence[Removal | Kept], *, applied: bool) -> list[dict[str, str]]:
    """Lay a cleanup out for a Prefect table artifact.

    Args:
        done: what was or would be removed, and what was left alone.
        applied: whether anything was removed.
    """
    verb = "removed" if applied else "would remove"
    return [
        {"what": each.subject, "state": "kept", "why": each.reason}
        if isinstance(each, Kept)
        else {"what": each.subject, "state": f"{verb} {contents(each)}", "why": each.reason}
        for each in done
    ]


def contents(removal: Removal) -> str:
    """Say what a removal is about: objects, uploads, or a lease alone."""
    parts = []
    if removal.keys:
        more = ", …" if len(removal.keys) > _NAMED else ""
        named = ", ".join(removal.keys[:_NAMED]) + more
        parts.append(f"{counted(len(removal.keys), 'object')}, {size_text(removal.size)} ({named})")
    if removal.uploads:
        parts.append(counted(len(removal.uploads), "unfinished upload"))
    return " and ".join(parts) or "the lease"


def sentence(done: Sequence[Removal | Kept], *, applied: bool, hours: float) -> str:
    """Tell the result in one line; without `apply`, it ends in the command that does it."""
    removals = [each for each in done if isinstance(each, Removal)]
    keys, uploads = sum(len(each.keys) for each in removals), sum(len(each.uploads) for each in removals)
    size = size_text(sum(each.size for each in removals))
    what = f"{counted(keys, 'object')} ({size}) and {counted(uploads, 'unfinished upload')}"
    if not removals:
        return "nothing to remove"
    if applied:
        return f"removed {what}; a versioned bucket keeps deleted objects for some days"
    command = "prefect deployment run cleanup/storage --param apply=true"
    return f"would remove {what}. Do it: {command} --param older_than_hours={hours:g} --watch"
