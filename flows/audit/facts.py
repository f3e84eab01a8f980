"""What an audit compares: the catalog, the bucket, the registry and the live services, as they were read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlparse

from blocks.registry_entries import RegisteredVersion
from deployments.spec import ModelSpec
from flows.audit.inventory import Inventory
from flows.deploy_model.history import ServedRecord
from flows.import_model.manifest import DIGEST_PROPERTY

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class AuditFacts:
    """What the systems hold.

    Attributes:
        specs: the models of the catalog.
        inventory: the bucket.
        registered: the versions of the registry, those of other tools among them.
        namespace: where models are served.
        services: its InferenceServices.
        elsewhere: those of all other namespaces; None if we may not list them.
        pods: its ready pods, by InferenceService.
        served: what each service's last good deploy left, by service.
    """

    specs: tuple[ModelSpec, ...]
    inventory: Inventory
    registered: tuple[RegisteredVersion, ...]
    namespace: str
    services: tuple[Json, ...] = ()
    elsewhere: tuple[Json, ...] | None = None
    pods: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    served: Mapping[str, ServedRecord] = field(default_factory=dict)

    @cached_property
    def ours(self) -> dict[str, RegisteredVersion]:
        """The registry's versions that slipway made, or that read from our bucket, by the prefix of their bytes."""
        found = ((prefix_of(version, bucket=self.inventory.bucket), version) for version in self.registered)
        return {prefix: version for prefix, version in found if prefix}

    @cached_property
    def by_prefix(self) -> dict[str, ModelSpec]:
        """The catalog's models by the prefix of their version."""
        return {spec.prefix: spec for spec in self.specs}

    @cached_property
    def known(self) -> frozenset[str]:
        """Prefixes that slipway has to do with: of the catalog, the registry, and the runs' own records."""
        return frozenset({*self.by_prefix, *self.ours, *self.inventory.recorded})

    def knows(self, prefix: str) -> bool:
        """Whether what is under a version's prefix is slipway's, as far as its records or its objects tell."""
        stock = self.inventory.versions.get(prefix)
        return prefix in self.known or (stock is not None and bool(stock.manifest or stock.ours))


def prefix_of(version: RegisteredVersion, *, bucket: str) -> str | None:
    """The prefix in our bucket that a registry's version speaks of, empty for all of it; None if it is none of ours."""
    path = path_in(version.artifact.uri if version.artifact else "", bucket=bucket)
    if path is not None:
        return f"{path.rstrip('/')}/" if path else ""
    return f"{version.model}/{version.version}/" if DIGEST_PROPERTY in version.properties else None


def path_in(uri: str, *, bucket: str) -> str | None:
    """What an address names in our bucket, as KServe's storage initializer reads it; None if it is no such address.

    OpenShift AI's dashboard appends a query with the endpoint and the region; a bucket alone means all that is in it.
    """
    parts = urlparse(uri)
    return parts.path.lstrip("/") if (parts.scheme, parts.netloc) == ("s3", bucket) else None


def run(flow: str, spec: ModelSpec | None, *, otherwise: Iterable[str] = ()) -> str:
    """The command that runs a flow for a model; something else for what the catalog does not have."""
    return f"prefect deployment run {flow}/{spec.key} --watch" if spec else "; ".join(otherwise)
