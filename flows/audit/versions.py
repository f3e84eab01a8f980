"""Reconciles versions: what the catalog declares, the registry records and the store holds; pure."""

from __future__ import annotations

from collections.abc import Iterator

from blocks.registry_entries import RegisteredVersion
from deployments.spec import ModelSpec
from flows.audit.facts import AuditFacts, run
from flows.audit.inventory import StoredVersion
from flows.audit.rows import Grade, Row, counted
from flows.byte_proof import damaged_files
from flows.import_model.manifest import DIGEST_PROPERTY, Manifest
from flows.import_model.progress import size_text

CLEAN_UP = "prefect deployment run cleanup/storage --watch"
NOT_OURS = "restore it from a backup: docs/runbook.md, section Backup"
_NAMED = 3
_LIVE = "LIVE"


def reconcile_versions(facts: AuditFacts) -> Iterator[Row]:
    """Give a row, or more, for each version that any of the three knows."""
    for prefix in sorted({*facts.ours, *facts.inventory.versions, *facts.by_prefix}):
        stock = facts.inventory.versions.get(prefix)
        entry, spec = facts.ours.get(prefix), facts.by_prefix.get(prefix)
        name = prefix.rstrip("/")
        if stock is None or stock.manifest is None:
            yield _without_manifest(facts, name, prefix, stock=stock, entry=entry, spec=spec)
            continue
        problems = list(_problems(stock, stock.manifest, entry, prefix=prefix))
        repair = run("import", spec, otherwise=[NOT_OURS])
        yield from (Row(Grade.DAMAGE, name, problem, repair) for problem in problems)
        if entry is None:
            then = run("import", spec, otherwise=["the catalog has no such model: add it to deployments/models/"])
            yield Row(Grade.LEFTOVER, name, "its bytes are whole, the registry has no entry of it", then)
        elif not problems:
            yield Row(Grade.FINE, name, _whole(stock, stock.manifest))
        if stock.problem:
            yield Row(Grade.LEFTOVER, name, stock.problem, run("verify", spec))
        if unlisted := stock.unlisted(prefix):
            said = f"{counted(len(unlisted), 'object')} that its manifest does not list: {_some(unlisted)}"
            yield Row(Grade.LEFTOVER, name, said, CLEAN_UP)


def _without_manifest(
    facts: AuditFacts,
    name: str,
    prefix: str,
    *,
    stock: StoredVersion | None,
    entry: RegisteredVersion | None,
    spec: ModelSpec | None,
) -> Row:
    if stock and stock.problem:
        return Row(Grade.DAMAGE, name, stock.problem, run("import", spec, otherwise=[NOT_OURS]))
    if entry and entry.state == _LIVE:
        said = f"the registry has it as version {entry.version_id}, s3://{facts.inventory.bucket}/{prefix} has no"
        return Row(Grade.DAMAGE, name, f"{said} manifest", run("import", spec, otherwise=[NOT_OURS]))
    if entry:
        return Row(Grade.LEFTOVER, name, f"version {entry.version_id} is {entry.state}, and its bytes are gone")
    if stock:
        holder = facts.inventory.holder(prefix)
        at_work = f"; {holder.owner} works on it" if holder else ""
        if not facts.knows(prefix):
            said = f"{counted(len(stock.entries), 'object')}, and slipway does not know whose; it never removes them"
            return Row(Grade.LEFTOVER, name, said)
        said = f"an import was not finished: {counted(len(stock.entries), 'object')} without a manifest{at_work}"
        return Row(Grade.LEFTOVER, name, said, run("import", spec, otherwise=[CLEAN_UP]))
    return Row(Grade.ABSENT, name, "not imported yet", run("import", spec))


def _problems(
    stock: StoredVersion, manifest: Manifest, entry: RegisteredVersion | None, *, prefix: str
) -> Iterator[str]:
    """Say which promises about a version's bytes are broken."""
    if entry is not None:
        recorded = str(entry.properties.get(DIGEST_PROPERTY, ""))
        if recorded != manifest.digest():
            yield f"the registry has manifest {recorded[:12] or 'none'}, the store {manifest.digest()[:12]}"
    missing = [file.path for file in manifest.files if prefix + file.path not in stock.entries]
    if missing:
        yield f"of {counted(len(manifest.files), 'file')}, {len(missing)} missing: {_some(missing)}"
    for file in manifest.files:
        held = stock.entries.get(prefix + file.path)
        if held and held.size != file.size:
            yield f"{file.path} has {held.size:,} bytes, expected {file.size:,}"
    if damaged := sorted(damaged_files(stock.proof, manifest=manifest, held=stock.entries, prefix=prefix)):
        when = stock.proof.finished if stock.proof else ""
        yield f"{counted(len(damaged), 'file')} had other bytes when verify read them at {when}: {_some(damaged)}"


def _whole(stock: StoredVersion, manifest: Manifest) -> str:
    read = f"its bytes were read at {stock.proof.finished}" if stock.proof else "its bytes were not read since"
    return f"{len(manifest.files)} files, {size_text(manifest.total_bytes())}, {read}"


def _some(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
