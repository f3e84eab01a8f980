"""How open a bucket is, tried on a real store without credentials."""

from __future__ import annotations

import json

import boto3
import pytest

from blocks.errors import AccessDeniedError, NotFoundError
from blocks.object_store_exposure import Exposure, exposure
from tests.integration.s3_server import READER, WRITER, S3Server


def test_failure_16_a_closed_bucket_lets_strangers_do_nothing(s3: S3Server) -> None:
    """A check that never finds anything open is worth nothing, and one that finds everything open is turned off."""
    assert exposure(s3.block()) == Exposure(versioned=True, strangers_may=())


def test_a_bucket_without_versions_is_told(s3: S3Server) -> None:
    """An overwritten shard could never be brought back."""
    assert exposure(s3.block(bucket=s3.plain_bucket)) == Exposure(versioned=False, strangers_may=())


def test_failure_16_an_open_bucket_is_found(s3: S3Server) -> None:
    """The bucket was readable by anyone, and nobody had tried."""
    client = boto3.client(
        "s3", endpoint_url=s3.endpoint, aws_access_key_id=WRITER.id, aws_secret_access_key=WRITER.secret,
        region_name="us-east-1",
    )  # fmt: skip
    client.create_bucket(Bucket="open")
    everyone = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::open", "arn:aws:s3:::open/*"],
    }
    client.put_bucket_policy(Bucket="open", Policy=json.dumps({"Version": "2012-10-17", "Statement": [everyone]}))
    assert exposure(s3.block(bucket="open")) == Exposure(versioned=False, strangers_may=("list", "read"))
    assert list(s3.block(bucket="open").client().list("")) == []


def test_a_key_that_may_not_write_cannot_try(s3: S3Server) -> None:
    """A refusal of our own key would pass for a closed bucket."""
    with pytest.raises(AccessDeniedError):
        exposure(s3.block(keys=READER))


def test_a_bucket_that_is_not_there_is_not_closed(s3: S3Server) -> None:
    """A missing bucket refuses strangers too."""
    with pytest.raises(NotFoundError):
        exposure(s3.block(bucket="no-such-bucket"))
