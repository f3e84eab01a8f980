"""What an installation would change: read from before and after, and from what the overlay renders to."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from deployments.catalog import keys, load
from flows.apply_platform.__main__ import summary
from flows.apply_platform.changes import compare, compare_job
from flows.apply_platform.findings import as_table, read_findings, write_findings
from flows.apply_platform.objects import (
    Authorities,
    claims_without_class,
    environment_of,
    label,
    placeholders,
    store_address,
    with_inputs,
    with_rotations,
    with_runtime,
)
from flows.apply_platform.rights import promised_rights
from flows.apply_platform.secret_plan import ROTATION
from flows.apply_platform.secret_table import secret_specs
from flows.preflight import Finding
from k8s.cluster import Right
from k8s.manifests.stamp import stamped
from tests.contract.platform_objects import rendered

Object = dict[str, Any]
IMAGE = "registry.example.com/slipway-flows:1"
OURS = [{"manager": "slipway"}]


def stored(managers: list[Object], **data: str) -> Object:
    """A ConfigMap as the API returns it."""
    metadata = {"name": "a", "namespace": "n", "resourceVersion": "7", "managedFields": managers}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


WANTED: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "n"},
    "data": {"x": "1"},
}


def test_an_equal_object_is_kept() -> None:
    """A second run would say that it changed something."""
    assert compare(WANTED, before=stored(OURS, x="1"), after=stored(OURS, x="1"), manager="slipway").action == "keep"


def test_a_change_names_its_fields() -> None:
    """An administrator could not tell a changed image from a changed label."""
    change = compare(WANTED, before=stored(OURS, x="0"), after=stored(OURS, x="1"), manager="slipway")
    assert (change.action, change.paths, change.name) == ("change", ("data.x",), "ConfigMap n/a")


def test_an_equal_object_of_somebody_else_is_adopted() -> None:
    """What kubectl had applied would never follow a field that a later release takes away."""
    somebody = [{"manager": "kubectl"}]
    found = compare(WANTED, before=stored(somebody, x="1"), after=stored(somebody, x="1"), manager="slipway")
    assert found.action == "adopt"


def job(**status: object) -> Object:
    """A Job as it is wanted."""
    metadata = {"name": "j", "namespace": "n"}
    spec = {"template": {"spec": {"containers": [{"name": "c"}]}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec, **status}


@pytest.mark.parametrize(
    ("before", "action"),
    [
        (None, "run"),
        (stamped(job()) | {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}, "keep"),
        (stamped(job()) | {"status": {"conditions": [{"type": "Failed", "status": "True"}]}}, "run"),
        (stamped(job()), "run"),
        (job() | {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}, "run"),
    ],
    ids=["absent", "done", "failed", "running", "another"],
)
def test_a_job_runs_until_it_has_succeeded_as_asked(before: Object | None, action: str) -> None:
    """A failed bucket Job would stay failed at every further run, as its template never changes."""
    assert compare_job(job(), before=before).action == action


def filled() -> list[Object]:
    """The vanilla overlay with what a site must give."""
    inputs = with_inputs(
        rendered("kubernetes"), flows_image=IMAGE, evaluation_image="eval:1", image_repository="docker://q/r"
    )
    return with_runtime(inputs, specs=[load(key) for key in keys()], runtime_image="vllm@sha256:0")


def test_required_images_are_found_until_they_are_given() -> None:
    """Pods would pull `required-input` for ever."""
    assert list(placeholders(rendered("kubernetes"))) == ["slipway-flows:required-input"]
    assert placeholders(filled()) == {}


def test_what_the_sites_own_kustomization_says_stays() -> None:
    """A variable of whoever runs it would silently win over what was reviewed."""
    mine = with_inputs(filled(), flows_image="other:2", evaluation_image=None, image_repository="docker://other/r")
    assert environment_of(mine)["SLIPWAY_FLOWS_IMAGE"] == IMAGE
    assert environment_of(mine)["SLIPWAY_IMAGE_REPOSITORY"] == "docker://q/r"


def test_the_runtime_joins_and_nothing_is_there_twice() -> None:
    """The service account of the overlay and that of the manifests would overwrite each other in turn."""
    names = [label(each) for each in filled()]
    assert "ServingRuntime private-ai-demo/vllm-cuda-runtime" in names
    assert len(names) == len(set(names))


def test_a_sites_own_authorities_reach_flow_runs_and_kserve() -> None:
    """A private CA for S3 reached neither: errors named a ConfigMap that nobody made."""
    objects = copy.deepcopy(rendered("kubernetes"))
    [settings] = [each for each in objects if label(each).endswith("/slipway-environment")]
    settings["data"]["AWS_ENDPOINT_URL"] = "https://minio.example.com"
    trusting = with_inputs(
        objects,
        flows_image=IMAGE,
        evaluation_image=None,
        image_repository=None,
        authorities=Authorities(own="ours", together="public and ours"),
    )
    assert trusting[-1] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "slipway-ca",
            "namespace": "private-ai-demo",
            "labels": {"app.kubernetes.io/part-of": "slipway"},
        },
        "data": {"ca.crt": "ours", "cabundle.crt": "public and ours"},
    }
    assert environment_of(trusting)["SLIPWAY_CA_BUNDLE"] == "/slipway/ca/ca.crt"
    # KServe reads the Secret's annotations, not the service account's.
    [secret] = [each for each in secret_specs(store_address(trusting)) if each.name == "s3-credentials-kserve"]
    assert secret.annotations["serving.kserve.io/s3-cabundle-configmap"] == "slipway-ca"


def test_without_a_private_authority_kserve_is_told_of_none() -> None:
    """KServe does not start a predictor whose ConfigMap is missing."""
    objects = with_inputs(rendered("kubernetes"), flows_image=IMAGE, evaluation_image=None, image_repository=None)
    assert "SLIPWAY_CA_BUNDLE" not in environment_of(objects)
    assert store_address(objects).ca_config_map is None


def test_new_values_start_new_pods_and_only_those_that_use_them() -> None:
    """A rotated key would be known to the store and not to the pods, until somebody restarts them."""
    noted = with_rotations(filled(), {("model-storage", "minio-root-credentials"): "w1"})
    marked = {
        label(each): each["spec"]["template"]["metadata"]["annotations"][ROTATION]
        for each in noted
        if ROTATION in each.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
    }
    assert marked == {
        "Deployment model-storage/minio": "minio-root-credentials=w1",
        "Job model-storage/minio-bucket": "minio-root-credentials=w1",
    }


def test_claims_that_need_a_default_class_are_known() -> None:
    """MinIO would wait for a volume for ever, and nothing would say why."""
    assert claims_without_class(filled()) == ["minio-data", "prefect-database", "model-registry-db"]


def test_each_accounts_promised_rights_are_read_from_the_roles() -> None:
    """A verification that asks for other rights than the roles give proves nothing."""
    found = {each.account: set(each.rights) for each in promised_rights(rendered("kubernetes"))}
    assert Right("create", "inferenceservices", "serving.kserve.io") in found["slipway-flows"]
    assert Right("get", "secrets") not in found["slipway-flows"]
    assert {name for name, rights in found.items() if not rights} == {
        "ai-workload-sa",
        "prefect-server",
        "runtime-builder",
        "slipway-jobs",
    }


def test_findings_fit_into_a_pods_last_word_and_come_back() -> None:
    """A cluster cuts a message off after 4 KiB, and half a JSON document is none."""
    few = (Finding("a", ok=True, detail="fine"), Finding("b", ok=False, detail="bad"))
    assert read_findings(write_findings(few)) == few
    many = [Finding(f"check {number}", ok=False, detail="x" * 5000) for number in range(30)]
    message = write_findings(many)
    assert len(message) <= 4096
    assert len(read_findings(message)) == 30
    assert as_table(few) == "ok       a  fine\nPROBLEM  b  bad"
    with pytest.raises(ValueError, match="Expecting value"):
        read_findings("not json")


@pytest.mark.parametrize(
    ("changed", "dry_run", "said"),
    [
        (0, False, "nothing was changed: all of it was as it should be"),
        (3, False, "the platform is ready; 3 changed"),
        (3, True, "3 would change; nothing was changed"),
        (0, True, "nothing would change"),
    ],
)
def test_the_last_line_says_what_was_done(changed: int, dry_run: bool, said: str) -> None:
    """A second run that changes nothing must say so, and a dry run must not claim an installation."""
    assert said in summary(changed, dry_run=dry_run)
