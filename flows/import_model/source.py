"""Which commit a version is made of: the one that its revision names now, or the one that it recorded before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.hub_files import HubFile
from deployments.spec import Identity, ModelSpec
from flows.import_model.errors import VersionTakenError
from flows.import_model.inspection import inspect
from flows.import_model.manifest import Manifest, file_set_of_source
from flows.import_model.plan import select_files

if TYPE_CHECKING:
    from blocks.hub import HubClient


@dataclass(frozen=True, slots=True)
class ResolvedSource:
    """What an import reads.

    Attributes:
        repo: "owner/name" on the Hub.
        commit: the commit whose files the version has.
        files: the selected files of that commit.
        identity: what the files were proved to be.
        moved_to: the commit that the revision names now, where it is another one with other files; else None.
    """

    repo: str
    commit: str
    files: tuple[HubFile, ...]
    identity: Identity
    moved_to: str | None = None


def resolve(client: HubClient, *, spec: ModelSpec, held: Manifest | None) -> ResolvedSource:
    """Resolve the spec's revision, keep a taken version's commit, and prove the identity.

    Args:
        client: the Hub.
        spec: the model.
        held: the version's manifest, if an import of it was finished before.

    Raises:
        VersionTakenError: the version holds other bytes, and the revision is no branch that could have moved.
        FileSetError, IdentityError: see `inspection.inspect`.
    """
    revision = client.resolve(spec.source.repo, revision=spec.source.revision)
    files = select_files(revision.files, source=spec.source)
    moved_to = None
    if held and file_set_of_source(files) != held.file_set():
        wanted = file_set_of_source(files)
        taken = VersionTakenError(
            model=spec.registered_model, version=spec.version, held=held.file_set(), wanted=wanted
        )
        if spec.source.is_pinned or held.source.repo != spec.source.repo or held.source.commit == revision.commit:
            raise taken
        moved_to = revision.commit
        revision = client.resolve(spec.source.repo, revision=held.source.commit)
        files = select_files(revision.files, source=spec.source)
        if file_set_of_source(files) != held.file_set():
            raise taken
    if held and held.identity == spec.identity:
        return ResolvedSource(held.source.repo, held.source.commit, files, held.identity, moved_to)
    inspect(client, spec=spec, revision=revision, files=files)
    return ResolvedSource(revision.repo, revision.commit, files, spec.identity, moved_to)
