"""Finds what nobody needs any more, beside the versions: uploads, leases, probes, objects that are nobody's; pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from flows.audit.facts import AuditFacts
from flows.audit.inventory import version_prefix
from flows.audit.rows import Grade, Row, counted
from flows.audit.versions import CLEAN_UP
from flows.import_model.progress import size_text

PROBE_AGE = timedelta(hours=1)
"""A preflight deletes its probe within seconds."""


def find_leftovers(facts: AuditFacts) -> Iterator[Row]:
    """Give a row for each kind of leftover, and each lease."""
    inventory = facts.inventory
    for upload in inventory.uploads:
        prefix = version_prefix(upload.key) or ""
        holder = inventory.holder(prefix)
        begun = f"begun at {upload.begun:%Y-%m-%d %H:%M}" if upload.begun else "of unknown age"
        said = f"an unfinished upload, {begun}" + (f"; {holder.owner} works on it" if holder else "")
        yield Row(Grade.LEFTOVER, upload.key, said, CLEAN_UP if facts.knows(prefix) and not holder else "")
    for lease in inventory.leases.values():
        if not lease.in_force(inventory.taken):
            said = f"a lease that its holder, {lease.owner}, does not renew since {lease.written:%Y-%m-%d %H:%M}"
            yield Row(Grade.LEFTOVER, lease.key, said, CLEAN_UP)
    old = [probe for probe in inventory.probes if inventory.is_older(probe.modified, than=PROBE_AGE)]
    if old:
        yield Row(Grade.LEFTOVER, "probes/", f"{counted(len(old), 'probe')} of killed preflights", CLEAN_UP)
    if inventory.foreign:
        size = size_text(sum(entry.size for entry in inventory.foreign))
        said = f"{counted(len(inventory.foreign), 'object')} of no version, {size}, such as {inventory.foreign[0].key}"
        yield Row(Grade.LEFTOVER, f"s3://{inventory.bucket}", f"{said}; slipway never removes them")
