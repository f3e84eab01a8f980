"""One test's site for imports: a Hub that has the replica, an empty registry and bucket, and what they hold later."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from model_registry import ModelRegistry
from prefect import Task
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks import register
from blocks.errors import BlockError
from blocks.loading import DOCUMENT
from deployments.errors import CatalogError, SettingsError
from flows.import_model import tasks
from flows.import_model.flow import import_model
from flows.import_model.receipt import ImportReceipt
from k8s.errors import ClusterError
from sandbox.hub.publishing import publish
from sandbox.hub.server import HubServer
from tests.integration.import_world import HUB_TOKEN, NAMESPACE, World
from tests.integration.kube_server import SHELL_IMAGE
from tests.integration.prefect_server import ask
from tests.integration.registry_server import empty_registry
from tests.integration.s3_server import WRITER, Keys

ROOT = Path(__file__).resolve().parents[2]
REPO = "RedHatAI/Mistral-Small-24B-Instruct-2501-quantized.w4a16"
GATED_REPO = "mistralai/Mistral-Small-24B-Instruct-2501"
GATED_COMMIT = "9527884be6e5616bdd54de542f9ae13384489724"
MODEL, VERSION = "Mistral-Small-24B-Instruct", "quantized-w4a16"
PREFIX = f"{MODEL}/{VERSION}/"
BUCKET = "imports"
OUR_ERRORS = (BlockError, ClusterError, CatalogError, SettingsError)
"""Whatever else is raised is a defect."""


def official(site: Site) -> ModelRegistry:
    """The registry's official client."""
    return ModelRegistry(site.registry, author="a test", is_secure=False, user_token="none")


@dataclass
class Site:
    """One test's environment: a Hub that has the replica, an empty registry, an empty bucket, and our variables.

    Attributes:
        world: what it shares.
        folder: a folder for scratch.
        patch: undone when the test is over.
        bucket: its bucket, which is versioned.
        variables: the environment of its imports.
    """

    world: World
    folder: Path
    patch: pytest.MonkeyPatch
    bucket: str = BUCKET
    variables: dict[str, str] = field(default_factory=dict)

    def set(self, **variables: str) -> None:
        """Change the environment of the imports that follow."""
        self.variables |= variables
        for name, value in variables.items():
            self.patch.setenv(name, value)

    @property
    def hub(self) -> HubServer:
        """The Hub, whose faults and log are this test's."""
        return self.world.hub

    @property
    def registry(self) -> str:
        """The registry's address."""
        return self.world.registry

    def register(self) -> None:
        """Save the block documents for the environment as it is; those that stay the same are left out, for speed."""
        wanted = {type(block): block for block in register.documents(register.read_endpoints())}
        told = {kind: repr(block) for kind, block in wanted.items()}
        with temporary_settings({PREFECT_API_URL: self.world.prefect}):
            if not self.world.registered:
                assert register.main() == 0
            else:
                for kind in (kind for kind in wanted if self.world.registered[kind] != told[kind]):
                    wanted[kind].save(DOCUMENT, overwrite=True)
        self.world.registered.update(told)

    def run(self, model: str = "quantized") -> ImportReceipt:
        """Import a model, in this process."""
        # Settings belong to a context, which a fixture does not share with its tests.
        with temporary_settings({PREFECT_API_URL: self.world.prefect}):
            return import_model(model)

    def refused(self, model: str = "quantized") -> Exception:
        """Import a model that cannot be imported; returns the one error that says why, as the run's page shows it."""
        with pytest.raises(OUR_ERRORS) as raised:
            self.run(model)
        error = raised.value
        [run] = self.ask_prefect("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})
        assert run["state"]["type"] == "FAILED"
        assert run["state"]["message"] == f"Flow run encountered an exception: {type(error).__name__}: {error}"
        return error

    def publish(self, folder: Path, repo: str = REPO, *, gated: bool = False, commit: str | None = None) -> str:
        """Make a folder the newest commit of a repository's main branch."""
        return publish(self.hub_root, repo, folder, gated=gated, commit=commit)

    @property
    def hub_root(self) -> Path:
        """The Hub's directory."""
        return self.world.quantized.parent / "hub"

    def copy_of_replica(self) -> Path:
        """A copy of the replica's folder, to change."""
        return Path(shutil.copytree(self.world.quantized, self.folder / "changed"))

    def s3_client(self, keys: Keys = WRITER) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """A client to the store that is none of ours."""
        return boto3.client(
            "s3",
            endpoint_url=self.world.s3.endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys.id,
            aws_secret_access_key=keys.secret,
            config=Config(proxies={}),
        )

    def objects(self, prefix: str = PREFIX) -> dict[str, str]:
        """SHA-256 of each object under a prefix, by the rest of its key."""
        store = self.s3_client()
        pages = store.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {
            key.removeprefix(prefix): hashlib.sha256(
                store.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            ).hexdigest()
            for key in keys
        }

    def nothing_left_open(self) -> bool:
        """Whether no upload is unfinished."""
        return not self.s3_client().list_multipart_uploads(Bucket=self.bucket).get("Uploads")

    def nothing_half_written(self) -> bool:
        """Whether no version is visible, and no upload is left open."""
        return "manifest.json" not in self.objects() and self.nothing_left_open()

    def weight_bytes(self) -> int:
        """Bytes that the Hub sent of weights, headers and the preflight's single byte among them."""
        return self.hub.log.sent("*.safetensors", origin="cdn")

    def ask_prefect(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - a JSON document
        """Ask the Prefect API, as its UI does."""
        return ask(self.world.prefect, path, body)


@contextmanager
def serving_site(world: World, *, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Empty what the last test filled, and point the environment and the block documents there."""
    site = Site(world, folder, patch)
    for name in [name for name in os.environ if name.startswith(("SLIPWAY_", "AWS_", "HF_"))]:
        patch.delenv(name)
    site.set(**_variables(site))
    _empty_bucket(site)
    shutil.rmtree(site.hub_root, ignore_errors=True)
    site.publish(world.quantized)
    world.hub.faults.clear()
    world.hub.log.clear()
    _forget_retry_delays(patch)
    with empty_registry(folder) as world.slot.app:
        site.register()
        yield site


def _variables(site: Site) -> dict[str, str]:
    world = site.world
    return {
        "PREFECT_API_URL": world.prefect,
        "HF_ENDPOINT": site.hub.url,
        "HF_TOKEN": HUB_TOKEN,
        "AWS_ENDPOINT_URL": world.s3.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": WRITER.id,
        "AWS_SECRET_ACCESS_KEY": WRITER.secret,
        "KUBECONFIG": str(world.kubeconfig),
        "SLIPWAY_BUCKET": site.bucket,
        "SLIPWAY_REGISTRY_URL": site.registry,
        "SLIPWAY_CATALOG_OVERLAY": str(ROOT / "sandbox" / "models"),
        "SLIPWAY_NAMESPACE": NAMESPACE,
        "SLIPWAY_RUNTIME_BASE_IMAGE": world.base,
        "SLIPWAY_BUILDER_IMAGE": SHELL_IMAGE,
        "SLIPWAY_IMAGE_REPOSITORY": world.images,
    }


def _empty_bucket(site: Site) -> None:
    store = site.s3_client()
    if BUCKET not in {bucket["Name"] for bucket in store.list_buckets()["Buckets"]}:
        store.create_bucket(Bucket=BUCKET)
        store.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for page in store.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page.get("Contents", []):
            store.delete_object(Bucket=BUCKET, Key=item["Key"])
    for upload in store.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        store.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])


def _forget_retry_delays(patch: pytest.MonkeyPatch) -> None:
    """Let our tasks be tried again at once: how often is what tests are about, not how long between."""
    for task in vars(tasks).values():
        if isinstance(task, Task):
            patch.setattr(task, "retry_delay_seconds", 0)
