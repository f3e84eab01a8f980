"""Who reads from the bucket, and which versions slipway has to do with: what a cleanup must know before it removes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flows.audit.facts import AuditFacts, Json, path_in, prefix_of
from flows.import_model.manifest import DIGEST_ANNOTATION, DIGEST_PROPERTY


@dataclass(frozen=True, slots=True)
class Reference:
    """Somebody who reads a prefix of the bucket, and the manifest that he takes it for; empty if he does not say."""

    prefix: str
    manifest_sha256: str
    who: str


@dataclass(frozen=True, slots=True)
class References:
    """What protects objects of the bucket.

    Attributes:
        readers: everybody who is seen to read from it.
        known: prefixes of versions that the catalog, the registry, a receipt or a lease tells of: slipway's own.
        unseen: which readers could not be seen; empty if all could.
    """

    readers: tuple[Reference, ...] = ()
    known: frozenset[str] = frozenset()
    unseen: str = ""


def references(facts: AuditFacts) -> References:
    """Return everybody who reads from the bucket: registry versions of any state, services, and the way back."""
    bucket = facts.inventory.bucket
    registered = (
        Reference(prefix, str(version.properties.get(DIGEST_PROPERTY, "")), f"registry version {version.version_id}")
        for version in facts.registered
        if (prefix := prefix_of(version, bucket=bucket)) is not None
    )
    live = (*facts.services, *(facts.elsewhere or ()))
    back = (record.service for record in facts.served.values())
    return References(
        readers=(
            *registered,
            *_of_services(live, bucket=bucket, what="InferenceService"),
            *_of_services(back, bucket=bucket, what="the way back of InferenceService"),
        ),
        known=facts.known,
        unseen="" if facts.elsewhere is not None else f"only InferenceServices of {facts.namespace} may be listed",
    )


def _of_services(services: Iterable[Json], *, bucket: str, what: str) -> Iterator[Reference]:
    for service in services:
        metadata = service["metadata"]
        digest = str((metadata.get("annotations") or {}).get(DIGEST_ANNOTATION, ""))
        for path in _paths(service["spec"], bucket=bucket):
            yield Reference(path, digest, f"{what} {metadata['name']}")


def _paths(value: Any, *, bucket: str) -> Iterator[str]:  # noqa: ANN401 - JSON of any shape
    """Find what a service reads of the bucket, wherever its kind of predictor has it.

    An address may stand in `storageUri` of any framework, or in a container's arguments and environment. A `storage`
    names a path in the bucket of a Secret that we do not read: it counts as ours unless it names another bucket.
    """
    if isinstance(value, str):
        path = path_in(value, bucket=bucket)
        if path is not None:
            yield path
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, bucket=bucket)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "storage" and isinstance(each, dict):
                named = (each.get("parameters") or {}).get("bucket", bucket)
                if named == bucket:
                    yield str(each.get("path") or "").lstrip("/")
            else:
                yield from _paths(each, bucket=bucket)
