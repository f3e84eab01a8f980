"""The links of a chain that are about what is stored: the manifest, the bytes, their source, the registry; pure."""

from __future__ import annotations

from collections.abc import Iterator

from deployments.spec import ModelSpec
from flows.deploy_model.release import IMAGE_PROPERTY
from flows.import_model.entry import IMAGE_DIGEST_PROPERTY
from flows.import_model.manifest import DIGEST_PROPERTY
from flows.import_model.progress import MEGABYTE, size_text
from flows.preflight import Finding
from flows.verify_model.facts import Facts
from flows.verify_model.links import broken, digest, fine, run, unasked
from flows.verify_model.rehash import StoredFile, StoredVersion

NAMED = 3
"""Damaged files that are named; of more, the count is told."""


def manifest_link(spec: ModelSpec, facts: Facts) -> Finding:
    """Whether an import of this model was finished."""
    manifest, problem = facts.manifest.value, facts.manifest.problem
    if manifest is None:
        again = f"no import of {spec.registered_model}/{spec.version} was finished. Import it: {run('import', spec)}"
        return broken("manifest", problem or again)
    if (manifest.model, manifest.version) != (spec.registered_model, spec.version):
        return broken("manifest", f"it is of {manifest.model}/{manifest.version}, not of {spec.prefix}")
    return fine(
        "manifest",
        f"{digest(manifest.digest())}: {len(manifest.files)} files, {manifest.total_bytes() / MEGABYTE:,.1f} MB, "
        f"from {manifest.source.repo} at {digest(manifest.source.commit)}",
    )


def bytes_link(spec: ModelSpec, facts: Facts, *, bucket: str) -> Finding:
    """Whether the store holds what the manifest says, file by file."""
    stored = facts.stored.value
    if stored is None:
        return unasked("bytes", facts.stored.problem, needs="it needs a manifest")
    wrong = list(_wrong(stored.files))
    if wrong:
        more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        counted = f"{len(wrong)} of {len(stored.files)} files of s3://{bucket}/{spec.prefix}"
        said = f"{counted} {'is' if len(wrong) == 1 else 'are'} not what the manifest says: {'; '.join(wrong[:NAMED])}"
        return broken("bytes", f"{said}{more}. {_repair(spec, stored.files, bucket=bucket)}")
    return fine("bytes", _read_sentence(stored) + _extra_sentence(stored))


def _repair(spec: ModelSpec, files: tuple[StoredFile, ...], *, bucket: str) -> str:
    """The next command; what could not be read may be an outage, so an import does not replace it by itself."""
    unread = [stored.file.path for stored in files if stored.problem]
    if not unread:
        return f"Repair: {run('import', spec)}"
    again = f"If it cannot be read later either: aws s3 rm s3://{bucket}/{spec.prefix}{unread[0]}"
    return f"{again}; {run('import', spec)}"


def _wrong(files: tuple[StoredFile, ...]) -> Iterator[str]:
    for stored in files:
        path, wanted = stored.file.path, stored.file
        if stored.entry is None:
            yield f"{path} is missing"
        elif stored.entry.size != wanted.size:
            yield f"{path} has {stored.entry.size:,} bytes, expected {wanted.size:,}"
        elif stored.problem:
            yield f"{path} could not be read: {stored.problem}"
        elif stored.sha256 not in (None, wanted.sha256):
            yield f"{path} has SHA-256 {digest(str(stored.sha256))}, expected {digest(wanted.sha256)}"


def _read_sentence(stored: StoredVersion) -> str:
    total = sum(each.file.size for each in stored.files)
    if stored.seconds is not None:
        rate = f" ({total / stored.seconds / MEGABYTE:,.0f} MB/s)" if total >= MEGABYTE and stored.seconds else ""
        return (
            f"all {len(stored.files)} files, {size_text(total)}, read in {stored.seconds:.1f} s{rate}: "
            "every SHA-256 is the manifest's"
        )
    proved = sum(each.sha256 is not None for each in stored.files)
    when = f"{proved} unchanged since they were read at {stored.proof.finished}" if stored.proof else "none ever read"
    return f"all {len(stored.files)} files are listed at their sizes; not read now, {when}"


def _extra_sentence(stored: StoredVersion) -> str:
    if not stored.extra:
        return ""
    return (
        f"; {len(stored.extra)} further objects that the manifest does not list, such as {stored.extra[0]}: "
        "prefect deployment run cleanup/storage --watch"
    )


def source_link(spec: ModelSpec, facts: Facts) -> Finding:
    """Whether the Hub still has the commit with the same files; a branch that moved is told, and breaks nothing."""
    manifest, source = facts.manifest.value, facts.source.value
    if manifest is None or source is None:
        return unasked("source", facts.source.problem, needs="it needs a manifest")
    commit = manifest.source.commit
    if source.recorded is None:
        said = f"{manifest.source.repo} has commit {digest(commit)} no more, so a damaged file could not be repaired"
        return broken("source", f"{said} from there. Back the version up: docs/runbook.md, section Backup")
    declared = {file.path: file.blob_id for file in source.recorded.files}
    other = [file.path for file in manifest.files if declared.get(file.path) != file.hub_id]
    if other:
        said = f"{manifest.source.repo} at {digest(commit)} has other content of {', '.join(other[:NAMED])}"
        return broken("source", f"{said} than was imported. Look at it: {run('import', spec)}")
    held = f"{manifest.source.repo} still has {digest(commit)} with the same {len(manifest.files)} files"
    if source.branch_commit not in (None, commit):
        moved = f"{spec.source.revision} moved to {digest(str(source.branch_commit))}"
        return fine("source", f"{held}; {moved}, which only another `version` imports")
    return fine("source", held)


def registry_link(spec: ModelSpec, facts: Facts, *, bucket: str) -> Finding:
    """Whether the registry's entry names these bytes and an image."""
    version, problem = facts.version.value, facts.version.problem
    if version is None:
        again = f"it does not know {spec.registered_model}/{spec.version}. Register it: {run('import', spec)}"
        return broken("registry", problem or again)
    recorded, uri = str(version.properties.get(DIGEST_PROPERTY, "")), f"s3://{bucket}/{spec.prefix}"
    held = version.artifact.uri if version.artifact else "nowhere"
    if held != uri:
        return broken("registry", f"it says the bytes are at {held}, the catalog at {uri}: {run('import', spec)}")
    if facts.manifest.value is not None and recorded != facts.manifest.value.digest():
        said = f"it has manifest {digest(recorded)}, the store {digest(facts.manifest.value.digest())}"
        return broken("registry", f"{said}. Mend it: {run('import', spec)}")
    image, named = str(version.properties.get(IMAGE_PROPERTY, "")), version.properties.get(IMAGE_DIGEST_PROPERTY)
    if named is not None and image.rpartition("@")[2] != named:
        said = f"its {IMAGE_PROPERTY} is {image or 'empty'}, its {IMAGE_DIGEST_PROPERTY} {named}"
        return broken("registry", f"{said}. Mend it: {run('import', spec)}")
    if version.state != "LIVE":
        return broken("registry", f"version {version.version_id} is {version.state}, not LIVE")
    return fine("registry", f"version {version.version_id} of model {version.model_id}, manifest {digest(recorded)}")
