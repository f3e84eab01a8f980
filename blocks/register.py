"""Create or update the block documents from the environment or `.env`: `python -m blocks.register`.

No document holds a secret. A block names the environment variable that carries one; pods get those variables from
Kubernetes Secrets.
"""

from __future__ import annotations

import os
import sys

from httpx import HTTPError
from prefect.blocks.core import Block
from prefect.exceptions import PrefectException
from prefect_aws import AwsCredentials
from prefect_aws.client_parameters import AwsClientParameters
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from blocks.errors import RejectedError
from blocks.hub import ModelHub
from blocks.image_registry import ImageRegistry
from blocks.loading import DOCUMENT
from blocks.notification import Notification
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry

ENV_FILE = "SLIPWAY_ENV_FILE"
"""Names another file than `.env`, or none: the sandbox sets it empty, so that a production `.env` stays out of it."""


class Endpoints(BaseSettings):
    """Where the outside systems are; every field is an environment variable or a line of `.env`."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    hf_endpoint: str = Field("https://huggingface.co", description="the model hub")
    aws_endpoint_url: str = Field(description="the object store's S3 endpoint, for example https://minio.example.com")
    aws_default_region: str = Field("us-east-1", description="the object store's region; MinIO takes any")
    slipway_bucket: str = Field("llm-models", description="the bucket for weights and results")
    slipway_registry_url: str = Field(description="the model registry, for example http://model-registry:8080")
    slipway_image_repository: str = Field(
        "", description="where runtime images go, for example docker://quay.io/<organization>/slipway-vllm"
    )
    quay_organization: str = Field("", description="stands in for SLIPWAY_IMAGE_REPOSITORY where images go to Quay")

    def image_repository(self) -> str:
        """The repository that runtime images are pushed to.

        Raises:
            MissingVariablesError: neither a repository nor a Quay organization is named.
        """
        if self.slipway_image_repository:
            return self.slipway_image_repository
        if not self.quay_organization:
            raise MissingVariablesError(names=["SLIPWAY_IMAGE_REPOSITORY"])
        return f"docker://quay.io/{self.quay_organization}/slipway-vllm"


class MissingVariablesError(RejectedError):
    """Addresses that have no sensible default are not given."""

    def __init__(self, *, names: list[str]) -> None:
        super().__init__(
            "environment",
            f"{', '.join(names)} not set. Copy .env.template to .env and fill it in, "
            "or use the sandbox: eval $(python -m sandbox env)",
        )


class UnfitValueError(RejectedError):
    """An address has a form that its block refuses."""

    def __init__(self, error: ValidationError) -> None:
        problem = error.errors(include_url=False)[0]
        field = ".".join(map(str, problem["loc"]))
        super().__init__(
            "environment",
            f"{field} of {error.title} is {problem['input']!r}: {problem['msg']}. "
            "Correct it in the environment or in .env, then: python -m blocks.register",
        )


def read_endpoints() -> Endpoints:
    """Read the addresses from the environment, then from `.env` or the file that SLIPWAY_ENV_FILE names.

    Raises:
        MissingVariablesError: naming all that are missing at once.
    """
    try:
        return Endpoints(_env_file=os.environ.get(ENV_FILE, ".env") or None)
    except ValidationError as error:
        raise MissingVariablesError(names=[str(problem["loc"][0]).upper() for problem in error.errors()]) from error


def object_store(endpoints: Endpoints, *, bucket: str | None = None) -> ObjectStore:
    """Build the object store's block; Jobs that never ask Prefect build it from their own environment.

    Args:
        endpoints: the addresses.
        bucket: another bucket than theirs.
    """
    return ObjectStore(
        credentials=AwsCredentials(
            region_name=endpoints.aws_default_region,
            aws_client_parameters=AwsClientParameters(endpoint_url=endpoints.aws_endpoint_url),
        ),
        bucket=bucket or endpoints.slipway_bucket,
    )


def documents(endpoints: Endpoints) -> list[Block]:
    """Build the five blocks for an environment.

    None names a file of certificate authorities: that one is where a flow runs, and SLIPWAY_CA_BUNDLE says so there.

    Raises:
        UnfitValueError: an address is none.
        MissingVariablesError: see `Endpoints.image_repository`.
    """
    return [
        ModelHub(endpoint=endpoints.hf_endpoint),
        object_store(endpoints),
        ModelRegistry(address=endpoints.slipway_registry_url),
        ImageRegistry(repository=endpoints.image_repository()),
        Notification(),
    ]


def main() -> int:
    """Save every block, replacing older ones of the same name; say what was saved."""
    try:
        blocks = documents(read_endpoints())
    except ValidationError as error:
        print(UnfitValueError(error), file=sys.stderr)
        return 2
    except RejectedError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        for block in blocks:
            block.save(DOCUMENT, overwrite=True)
            print(f"saved {block.get_block_type_slug()}/{DOCUMENT}")
    except (HTTPError, PrefectException, RuntimeError) as error:
        print(
            f"Prefect: the blocks were not saved ({error}). Check it: prefect version; echo $PREFECT_API_URL",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
