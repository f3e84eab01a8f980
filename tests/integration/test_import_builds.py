"""Imports whose runtime image cannot be built: the weights stay, the registry is told nothing, a re-run completes."""

from __future__ import annotations

from functools import partial

import pytest

from flows.import_model import runtime
from k8s.cluster import JobWatch
from k8s.diagnosis import Category
from tests.integration.import_site import MODEL, VERSION, Site, official
from tests.integration.kube_server import BARE_IMAGE, SHELL_IMAGE


@pytest.fixture
def site(site: Site) -> Site:
    """A site whose image repository is empty."""
    site.set(SLIPWAY_IMAGE_REPOSITORY=f"oci:{site.folder}/images")
    site.register()
    return site


def completes_without_moving(site: Site) -> None:
    """Import again, after mending."""
    assert official(site).get_registered_model(MODEL) is None
    again = site.run()
    assert (again.bytes_moved, again.runtime_built) == (0, True)
    assert official(site).get_model_version(MODEL, VERSION) is not None


def test_failure_9_a_build_that_fails_shows_its_log_and_registers_nothing(site: Site) -> None:
    """A digest that was read before the push named an image that nobody had (docs/failures.md, row 9)."""
    site.set(SLIPWAY_RUNTIME_BASE_IMAGE=f"oci:/nowhere:sha256-{0:064}")
    error = site.refused()
    assert "the base image oci:/nowhere:sha256-" in str(error)
    assert "kubectl" in str(error)
    site.set(SLIPWAY_RUNTIME_BASE_IMAGE=site.world.base)
    completes_without_moving(site)


def test_a_builder_without_buildah_says_which_setting_to_change(site: Site) -> None:
    """'buildah: not found' is no help; the setting's name is."""
    site.set(SLIPWAY_BUILDER_IMAGE=BARE_IMAGE)
    error = site.refused()
    assert "buildah is not installed here" in str(error)
    assert "SLIPWAY_BUILDER_IMAGE" in str(error)
    site.set(SLIPWAY_BUILDER_IMAGE=SHELL_IMAGE)
    completes_without_moving(site)


def test_a_builder_image_that_cannot_be_pulled_ends_the_wait(site: Site) -> None:
    """Kubernetes itself would go on pulling until the build's two hours are over."""
    impatient = partial(JobWatch, hopeless_after=((Category.IMAGE_PULL, 0.5),))
    site.patch.setattr(runtime, "JobWatch", impatient)  # the real patience is a minute
    site.set(SLIPWAY_BUILDER_IMAGE="registry.example.com/nobody/pushed-this:1")
    error = site.refused()
    assert "registry.example.com/nobody/pushed-this:1" in str(error)
    assert "pull" in str(error)
    site.set(SLIPWAY_BUILDER_IMAGE=SHELL_IMAGE)
    completes_without_moving(site)
