"""The object store: a Prefect block with its bucket and the credentials to it."""

from __future__ import annotations

import os
from functools import lru_cache

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field

from blocks.errors import RejectedError
from blocks.object_store_client import StoreClient
from blocks.object_store_connection import CONFIG
from blocks.objects import SYSTEM
from blocks.trust import trusted

__all__ = ["ObjectStore", "StoreClient"]

KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")


class ObjectStore(Block):
    """Where weights, manifests and leases are kept: one bucket of an S3 store."""

    _block_type_name = "Slipway Object Store"
    _block_type_slug = "slipway-object-store"
    _description = "The bucket that holds weights and manifests. Without keys, AWS_ACCESS_KEY_ID and its like apply."

    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, description="The store's endpoint, region and trusted authorities."
    )
    bucket: str = Field("llm-models", description="The bucket, which must exist.")

    @property
    def endpoint(self) -> str:
        """The store's address."""
        return self.credentials.aws_client_parameters.endpoint_url or "https://s3.amazonaws.com"

    def client(self) -> StoreClient:
        """Give the adapter; equal blocks and keys share one, and its connections, because boto3 takes 70 ms for each.

        Raises:
            RejectedError: the credentials switch TLS verification off.
            CaBundleError: the authorities' file cannot be used.
        """
        keys = tuple(os.environ.get(name) for name in KEY_VARIABLES)
        own = self.credentials.aws_client_parameters.verify_cert_path
        ca_bundle = trusted(str(own) if own else None)
        return _connect(self.credentials, self.bucket, keys, ca_bundle=ca_bundle)


@lru_cache(maxsize=4)
def _connect(
    credentials: AwsCredentials, bucket: str, _keys: tuple[str | None, ...], *, ca_bundle: str | None
) -> StoreClient:
    parameters = credentials.aws_client_parameters.get_params_override()
    if parameters.get("verify") is False:
        raise RejectedError(
            SYSTEM,
            "its block switches TLS verification off. Set SLIPWAY_CA_BUNDLE to the file of your authority instead, "
            "then run `python -m blocks.register`",
        )
    parameters["config"] = CONFIG.merge(parameters["config"]) if "config" in parameters else CONFIG
    if ca_bundle:
        parameters["verify"] = ca_bundle
    return StoreClient(credentials.get_boto3_session().client("s3", **parameters), bucket=bucket)
