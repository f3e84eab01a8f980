"""The manifests of the runtime image's build, and the tag that follows from its inputs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from k8s.errors import ContextTooLargeError, RecipeMissingError
from k8s.manifests.build_job import BuildSpec, build_context, build_job
from k8s.manifests.runtime_image import RuntimeInputs, pushed_digest, runtime_tag
from k8s.manifests.stamp import stamp_of, stamped
from k8s.recipe import runtime_inputs

INPUTS = RuntimeInputs(containerfile="FROM x\n", build_script="#!/bin/sh\n", base_image="quay.io/base@sha256:0")
SPEC = BuildSpec(
    inputs=INPUTS,
    destination="docker://quay.io/org/slipway-vllm:tag",
    builder_image="quay.io/buildah/stable:v1.38.0",
    namespace="private-ai-demo",
)
GOLDEN = Path(__file__).parent.parent / "golden"


def _golden(name: str) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((GOLDEN / name).read_text())
    return expected


def test_the_job_is_the_reviewed_one() -> None:
    """Every field of a pod that runs as root is reviewed; none may change unseen."""
    assert build_job(SPEC) == _golden("build_job.json")


def test_the_config_map_is_the_reviewed_one() -> None:
    """The Job's script reads these very names."""
    assert build_context(SPEC) == _golden("build_context.json")


def test_failure_9_the_build_is_not_privileged() -> None:
    """The earlier build ran privileged, and a rootless attempt died on uid_map (docs/failures.md, row 9)."""
    context = build_job(SPEC)["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    assert context == {
        "runAsUser": 0,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": ["SETFCAP", "SETGID", "SETUID"]},
    }


def test_failure_9_no_token_of_the_cluster_is_in_the_build() -> None:
    """A Containerfile runs foreign code as root: it must hold no key to the cluster (docs/failures.md, row 9)."""
    assert build_job(SPEC)["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_failure_13_the_build_asks_for_the_disk_that_it_uses() -> None:
    """Builds took 59-64 GB unasked, and were evicted from nodes with 14 GB free (docs/failures.md, row 13)."""
    pod = build_job(SPEC)["spec"]["template"]["spec"]
    resources = pod["containers"][0]["resources"]
    assert resources["requests"]["ephemeral-storage"] == resources["limits"]["ephemeral-storage"] == "80Gi"
    assert {"name": "scratch", "emptyDir": {"sizeLimit": "80Gi"}} in pod["volumes"]


def test_failure_13_the_jobs_own_deadline_comes_after_ours() -> None:
    """Kubernetes deletes a late Job's pod, and its log with it: ours comes first and reads it.

    It is docs/failures.md, row 13.
    """
    assert build_job(replace(SPEC, timeout_seconds=7200))["spec"]["activeDeadlineSeconds"] == 7260


@pytest.mark.parametrize("field", ["containerfile", "build_script", "base_image", "ca_bundle", "title"])
def test_each_input_changes_the_tag(field: str) -> None:
    """A changed input under the old tag would never be built."""
    assert runtime_tag(replace(INPUTS, **{field: "changed"})) != runtime_tag(INPUTS)


def test_text_that_moves_from_one_input_to_another_changes_the_tag() -> None:
    """Hashing the parts one after the other would call these two images one."""
    one, other = replace(INPUTS, ca_bundle="ab", title="c"), replace(INPUTS, ca_bundle="a", title="bc")
    assert runtime_tag(one) != runtime_tag(other)


def test_the_tag_is_stable() -> None:
    """A tag that changes between two runs of the same code would build the image each time."""
    assert runtime_tag(INPUTS) == "949b290a09a15c5b9aca687f6b75e4c09ad38c91"


@pytest.mark.parametrize("message", ["", "sha256:12", "error: something", "sha256:" + "AB" * 32])
def test_failure_9_what_is_not_a_digest_is_not_taken_for_one(message: str) -> None:
    """The earlier digest was whatever a command had printed before the push (docs/failures.md, row 9)."""
    assert pushed_digest(message) is None


def test_a_digest_is_read_from_the_termination_message() -> None:
    """A script's last line end must not make a digest unreadable."""
    assert pushed_digest("sha256:" + "ab" * 32 + "\n") == "sha256:" + "ab" * 32


def test_a_context_that_no_config_map_holds_is_refused_before_the_cluster_sees_it() -> None:
    """A whole system's CA bundle is too large; the API's own error does not say which file is."""
    with pytest.raises(ContextTooLargeError, match="SLIPWAY_CA_BUNDLE"):
        build_context(replace(SPEC, inputs=replace(INPUTS, ca_bundle="x" * 1024 * 1024)))


def test_the_stamp_follows_the_spec_alone() -> None:
    """A running Job is adopted only if it was asked for exactly the same."""
    job = build_job(SPEC)
    relabelled = {**job, "metadata": {**job["metadata"], "labels": {}}}
    assert stamp_of(stamped(job)) == stamp_of(stamped(relabelled))
    assert stamp_of(stamped(job)) != stamp_of(stamped(build_job(replace(SPEC, builder_image="other"))))


def test_the_recipe_is_the_projects_own() -> None:
    """The image that is built must be the one that stands in the repository."""
    inputs = runtime_inputs(base_image="quay.io/base@sha256:0", ca_bundle=None)
    assert inputs.containerfile.startswith("# The vLLM runtime image")
    assert inputs.build_script.startswith("#!/bin/sh\n")


def test_a_missing_ca_bundle_is_named(tmp_path: Path) -> None:
    """A wrong path must be told with the setting that holds it."""
    with pytest.raises(RecipeMissingError, match="SLIPWAY_CA_BUNDLE"):
        runtime_inputs(base_image="x", ca_bundle=tmp_path / "none.pem")
