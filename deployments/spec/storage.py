"""Where the engine reads the weights from: the object store itself, or a volume filled from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from deployments.spec.section import DnsLabel, Quantity, Section


class ObjectStorage(Section):
    """KServe's storage initializer copies the weights from S3 onto the node's ephemeral disk."""

    serve_from: Literal["s3"]


class ClaimStorage(Section):
    """A persistent volume holds the weights, for models that would exhaust the node's ephemeral disk.

    Attributes:
        claim: name of the PersistentVolumeClaim.
        size: its size, for example "120Gi"; the volume keeps the previous version beside the new one.
        access_mode: how many nodes may mount it.
    """

    serve_from: Literal["pvc"]
    claim: DnsLabel
    size: Quantity
    access_mode: Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]


Storage = Annotated[ObjectStorage | ClaimStorage, Field(discriminator="serve_from")]
