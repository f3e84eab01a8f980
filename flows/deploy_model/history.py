"""What served last, kept in S3: the manifest that a failed deploy goes back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from blocks.errors import NotFoundError
from flows.deploy_model.errors import RecordError

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

_LIMIT_BYTES = 4 << 20
_VOLUME = "pvc://"


class ServedRecord(BaseModel):
    """A service that passed its smoke test.

    Attributes:
        service: the InferenceService as it was applied.
        served: when it passed, in ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    service: dict[str, Any]
    version: str
    manifest_sha256: str
    flow_run_id: str
    served: str

    @property
    def folder(self) -> str | None:
        """The folder of its volume that it reads; None where it reads from S3."""
        uri = str(self.service["spec"]["predictor"]["model"]["storageUri"])
        return uri.removeprefix(_VOLUME).partition("/")[2] if uri.startswith(_VOLUME) else None


def record_key(*, namespace: str, service: str) -> str:
    """Where a service's record is kept."""
    return f"services/{namespace}/{service}.json"


def read_served(client: StoreClient, *, namespace: str, service: str) -> ServedRecord | None:
    """Read what served last; None if nothing ever did, or it was taken down since.

    Raises:
        RecordError: something else stands in its place.
    """
    key = record_key(namespace=namespace, service=service)
    try:
        content, _ = client.get(key, limit_bytes=_LIMIT_BYTES)
    except NotFoundError:
        return None
    try:
        return ServedRecord.model_validate_json(content)
    except ValidationError as error:
        raise RecordError(key=key, reason=error.errors()[0]["msg"]) from error


def write_served(client: StoreClient, record: ServedRecord) -> None:
    """Keep what serves now."""
    metadata = record.service["metadata"]
    key = record_key(namespace=metadata["namespace"], service=metadata["name"])
    client.put(key, record.model_dump_json(indent=2).encode(), content_type="application/json")


def forget_served(client: StoreClient, *, namespace: str, service: str) -> None:
    """Forget what served: after it was taken down on purpose, no failed deploy shall bring it back."""
    client.delete([record_key(namespace=namespace, service=service)])
