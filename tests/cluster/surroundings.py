"""What a cluster under test brings: images that it can pull, and a registry that its pods can push to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.machine import images, registry
from tests.cluster.machine.layout import REGISTRY, Layout


@dataclass(frozen=True)
class Surroundings:
    """Where the images of tests come from and go to.

    Attributes:
        base: an image with busybox or the like, and CA roots.
        repository: `docker://host/org/name`, which tests may push to.
        docker_config: the log-in for it, as `docker login` writes it.
        ca_bundle: who signs the registry's certificate; None for public authorities.
        made_by: the cluster of `make cluster`, None on any other.
        has_gpus: whether its GPUs are free, because nobody else uses it.
        settled_after: seconds after which a kubelet's second look at a pod tells the truth.
        builder_image: with Buildah, on a cluster that we did not make.
    """

    base: str
    repository: str
    docker_config: str
    ca_bundle: Path | None
    made_by: Layout | None
    has_gpus: bool = False
    settled_after: float = 20
    builder_image: str | None = None

    def builder(self) -> str:
        """An image with Buildah; made on the first use."""
        if self.made_by is not None:
            images.push([images.BUILDER], layout=self.made_by)
            return images.BUILDER
        if self.builder_image is None:
            pytest.skip("export SLIPWAY_BUILDER_IMAGE=<an image with Buildah that the cluster can pull>")
        return self.builder_image

    def login(self) -> tuple[str, str]:
        """User and password of the registry."""
        auths = json.loads(self.docker_config)["auths"]
        host = self.repository.removeprefix("docker://").partition("/")[0]
        return registry.decoded_login(auths[host]["auth"])


def own_surroundings(made_by: Layout) -> Surroundings:
    """Those of the cluster that `make cluster` made."""
    return Surroundings(
        base=images.BASE,
        repository=f"docker://{REGISTRY}/slipway/runtime",
        docker_config=made_by.credentials.read_text(),
        ca_bundle=made_by.authority,
        made_by=made_by,
        has_gpus=True,
    )


def foreign_surroundings(environment: Mapping[str, str]) -> Surroundings:
    """Those of any other cluster, as the environment names them; skips without them."""
    names = ("SLIPWAY_TEST_BASE_IMAGE", "SLIPWAY_TEST_REPOSITORY", "SLIPWAY_TEST_DOCKER_CONFIG")
    missing = [name for name in names if not environment.get(name)]
    if missing:
        pytest.skip(f"these tests need {', '.join(missing)} on a cluster of yours: see tests/cluster/README.md")
    bundle = environment.get("SLIPWAY_CA_BUNDLE")
    return Surroundings(
        base=environment[names[0]],
        repository=environment[names[1]],
        docker_config=Path(environment[names[2]]).read_text(),
        ca_bundle=Path(bundle) if bundle else None,
        made_by=None,
        builder_image=environment.get("SLIPWAY_BUILDER_IMAGE"),
    )
