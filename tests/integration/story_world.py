"""Everything from the Hub to a served model, real and local: a site for imports, and a cluster that serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks.registry import ModelRegistry
from k8s.cluster import Cluster
from tests.integration import deploy_world
from tests.integration.import_site import NAMESPACE, PREFIX, Site, serving_site
from tests.integration.import_world import World, make_namespace
from tests.integration.kube_server import SHELL_IMAGE
from tests.integration.s3_server import S3Server

T = TypeVar("T")


@dataclass(frozen=True)
class Story:
    """A platform that imports and serves, with what happens to it.

    Attributes:
        site: where models are imported from and to.
        cluster: where they are served.
    """

    site: Site
    cluster: Cluster

    def run(self, flow: Callable[..., T], *arguments: object, **options: object) -> T:
        """Run a flow in this process, against the site's Prefect server."""
        with temporary_settings({PREFECT_API_URL: self.site.world.prefect}):
            return flow(*arguments, **options)

    def flip_a_byte(self, path: str, *, metadata: bool = True) -> None:
        """Change one byte of a stored file, as a broken disk or a careless tool does; keep its metadata, or lose it."""
        client, place = self.site.s3_client(), {"Bucket": self.site.bucket, "Key": PREFIX + path}
        held = client.get_object(**place)
        content = bytearray(held["Body"].read())
        content[len(content) // 2] ^= 1
        client.put_object(**place, Body=bytes(content), Metadata=held["Metadata"] if metadata else {})

    def written(self, path: str) -> Any:  # noqa: ANN401 - boto3's own type
        """When a file was written, by the store's clock, as a listing tells it."""
        found = self.site.s3_client().list_objects_v2(Bucket=self.site.bucket, Prefix=PREFIX + path)
        return found["Contents"][0]["LastModified"]


@contextmanager
def telling(world: World, folder: Path) -> Iterator[Story]:
    """Bring a platform up for a block of code."""
    evaluation = deploy_world.scripted_tools(folder, {})
    images = {SHELL_IMAGE: {}, world.images: {}, deploy_world.EVALUATION_IMAGE: evaluation}
    with (
        pytest.MonkeyPatch.context() as patch,
        serving_site(world, folder=folder, patch=patch) as site,
        deploy_world.serving_cluster(folder, patch, **images) as cluster,
    ):
        kubeconfig = folder / "kubeconfig"
        make_namespace(NAMESPACE, kubeconfig=kubeconfig)
        site.set(
            KUBECONFIG=str(kubeconfig),
            SLIPWAY_FLOWS_IMAGE=deploy_world.FLOWS_IMAGE,
            SLIPWAY_EVALUATION_IMAGE=deploy_world.EVALUATION_IMAGE,
        )
        s3 = S3Server(world.s3.endpoint, bucket=site.bucket)
        served = deploy_world.World(cluster, s3, ModelRegistry(address=world.registry), folder)
        deploy_world.provide(served, site.variables)
        yield Story(site, cluster)
