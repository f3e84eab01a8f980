"""Typed loading of the block documents: every flow uses those of the name `slipway`."""

from __future__ import annotations

from typing import TypeVar, cast
from uuid import UUID

from prefect.blocks.core import Block

from blocks.errors import NotFoundError
from blocks.hub import ModelHub
from blocks.image_registry import ImageRegistry
from blocks.notification import Notification
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry

DOCUMENT = "slipway"
"""The name of each block document; there is one document a type, because an environment has one of each system."""

B = TypeVar("B", bound=Block)


def load_hub() -> ModelHub:
    """Load the model hub that this environment imports from."""
    return _load(ModelHub)


def load_store() -> ObjectStore:
    """Load the object store that holds the weights."""
    return _load(ObjectStore)


def load_registry() -> ModelRegistry:
    """Load the model registry."""
    return _load(ModelRegistry)


def load_images() -> ImageRegistry:
    """Load the image registry that runtime images are pushed to."""
    return _load(ImageRegistry)


def notification_document() -> UUID:
    """Find the document that automations name; the server loads the block itself."""
    found = _load(Notification)._block_document_id  # noqa: SLF001 - Prefect's own commands read it so
    if found is None:
        raise RuntimeError("Prefect gave a block document without its id")
    return found


def _load(kind: type[B]) -> B:
    """Load a document; Prefect says ValueError for one that does not exist.

    Raises:
        NotFoundError: nobody registered the blocks yet.
    """
    try:
        # Block.load is typed for sync and async callers at once; a flow of ours is sync.
        return cast("B", kind.load(DOCUMENT))
    except ValueError as error:
        slug = f"{kind.get_block_type_slug()}/{DOCUMENT}"
        raise NotFoundError(
            "Prefect", f"the block document {slug} does not exist. Create it: python -m blocks.register"
        ) from error
