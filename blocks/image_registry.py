"""Where runtime images go: a Prefect block with a repository's address, and the client for it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

from prefect.blocks.core import Block
from pydantic import AfterValidator, Field

from blocks.image_distribution import Credentials, DistributionClient
from blocks.image_layout import LayoutClient
from blocks.trust import trusted

_DOCKER = re.compile(r"docker://(?P<host>[a-zA-Z0-9.-]+(?::\d+)?)/(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)")
_OCI = re.compile(r"oci:(?P<path>/[^:@\s]+)")


def _check_repository(repository: str) -> str:
    if not (_DOCKER.fullmatch(repository) or _OCI.fullmatch(repository)):
        message = f"'{repository}' is neither docker://<host>/<name> nor oci:/<absolute folder>, without a tag"
        raise ValueError(message)
    return repository


class ImageRegistryClient(Protocol):
    """A repository of images."""

    def destination(self, tag: str) -> str:
        """Return where to push an image, as Buildah takes it."""

    def digest_of(self, tag: str) -> str | None:
        """Return the digest (`sha256:` and 64 hex digits) of what a tag names, or None if there is no such tag.

        Raises:
            BlockError: the repository cannot be read.
        """

    def pull_reference(self, digest: str) -> str:
        """Return the reference by digest that a cluster pulls."""


class ImageRegistry(Block):
    """The repository for the runtime images that slipway builds."""

    _block_type_name: ClassVar[str] = "Slipway Image Registry"
    _block_type_slug: ClassVar[str] = "slipway-image-registry"

    repository: Annotated[str, AfterValidator(_check_repository)] = Field(
        description="docker://host/organization/name, or oci:/absolute/folder for an image layout on a disk"
    )
    credential_secret: str = Field(
        "quay-credentials",
        description="the Kubernetes Secret (kubernetes.io/dockerconfigjson) that the build Job pulls and pushes with",
    )
    username_variable: str = Field("QUAY_USERNAME", description="the environment variable with the user for look-ups")
    password_variable: str = Field("QUAY_PASSWORD", description="the environment variable with that user's password")
    ca_bundle: str | None = Field(None, description="a PEM file of authorities to trust besides the public ones")

    def client(self) -> ImageRegistryClient:
        """Return a client for the repository; nothing is asked of it yet."""
        layout = _OCI.fullmatch(self.repository)
        if layout is not None:
            return LayoutClient(Path(layout["path"]))
        found = _DOCKER.fullmatch(self.repository)
        if found is None:  # unreachable: the field is validated
            raise ValueError(self.repository)
        login = Credentials.from_environment(self.username_variable, self.password_variable, os.environ)
        if not login.are_set:
            file = os.environ.get("REGISTRY_AUTH_FILE")
            login = Credentials.from_auth_file(file, host=found["host"], like=login)
        return DistributionClient(
            host=found["host"], name=found["name"], credentials=login, ca_bundle=trusted(self.ca_bundle)
        )
