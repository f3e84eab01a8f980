"""A model's life on a platform, as its users tell it: imported, served, damaged, found out, repaired.

Everything is real but the model's size and its engine: Prefect, the Hub's API, S3, the registry, Kubernetes, KServe's
controller, a Buildah build.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flows.audit.errors import DamageError
from flows.audit.flow import audit
from flows.deploy_model.flow import deploy_model
from flows.import_model.flow import import_model
from flows.verify_model.errors import BrokenChainError
from flows.verify_model.flow import verify_model
from tests.integration.import_world import World
from tests.integration.story_world import Story, telling

WEIGHTS = "model-00002-of-00003.safetensors"


@pytest.fixture(scope="module")
def story(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A platform with nothing on it."""
    with telling(world, tmp_path_factory.mktemp("story")) as platform:
        yield platform


def test_a_flipped_byte_is_found_named_and_repaired(story: Story) -> None:
    """A damaged model would be served for good, and nobody could say which file, since when, or what to do."""
    imported = story.run(import_model, "quantized")
    deployed = story.run(deploy_model, "quantized")
    assert deployed.manifest_sha256 == imported.manifest_sha256

    chain = story.run(verify_model, "quantized")
    assert [link.name for link in chain if link.ok] == [
        *("manifest", "bytes", "source", "registry"),
        *("service", "image", "endpoint", "completion", "test"),
    ]

    story.flip_a_byte(WEIGHTS)
    with pytest.raises(BrokenChainError) as found:
        story.run(verify_model, "quantized")
    [problem] = found.value.problems
    assert f"{WEIGHTS} has SHA-256" in problem
    assert problem.endswith("Repair: prefect deployment run import/quantized --watch")
    with pytest.raises(DamageError, match=f"files had other bytes when verify read them at .*: {WEIGHTS}"):
        story.run(audit)

    repaired = story.run(import_model, "quantized")
    assert (repaired.files_moved, repaired.manifest_sha256) == (1, imported.manifest_sha256)

    assert all(link.ok for link in story.run(verify_model, "quantized"))
    assert "fine" in {row.grade for row in story.run(audit)}
