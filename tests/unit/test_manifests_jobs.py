"""The Jobs that fill a volume and run an evaluation: names, deadlines, and who gets which secrets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from k8s.manifests.errors import NoVolumeError
from k8s.manifests.evaluation_job import REPORTS, TOOL_CONTAINER, UPLOADER_CONTAINER, evaluation_job
from k8s.manifests.fill_job import VOLUME, fill_job, fill_name
from k8s.manifests.placement import away_from_gpus
from tests.golden.regenerate import EVALUATION, FILL, model

JOBS = {"fill": fill_job(model("full"), FILL), "evaluation": evaluation_job(model("quantized"), EVALUATION)}


def _pod(job: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = job["spec"]["template"]["spec"]
    return pod


def _container(job: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in _pod(job)["containers"] if each["name"] == name)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_not_retried_by_kubernetes(name: str) -> None:
    """Retries have one owner, the flow: two would multiply."""
    assert JOBS[name]["spec"]["backoffLimit"] == 0
    assert _pod(JOBS[name])["restartPolicy"] == "Never"


@pytest.mark.parametrize("name", JOBS)
def test_failure_13_a_jobs_own_deadline_comes_after_the_callers(name: str) -> None:
    """Kubernetes deletes a late Job's pod, and its log with it: the caller comes first and reads it.

    It is docs/failures.md, row 13.
    """
    assert JOBS[name]["spec"]["activeDeadlineSeconds"] == 7260


@pytest.mark.parametrize("name", JOBS)
def test_every_container_of_a_job_runs_restricted(name: str) -> None:
    """Under the restricted Pod Security Standard a pod that asks for more is never created."""
    for container in _pod(JOBS[name])["containers"]:
        context = container["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("name", JOBS)
def test_no_job_holds_a_token_of_the_cluster(name: str) -> None:
    """A tool that evaluates a model must not be able to change the service."""
    assert _pod(JOBS[name])["automountServiceAccountToken"] is False
    assert _pod(JOBS[name])["serviceAccountName"] == "slipway-jobs"


def test_failure_6_credentials_are_never_optional() -> None:
    """A key that did not exist was optional, and the download ran unauthenticated, silently.

    It is docs/failures.md, row 6.
    """
    for name, container in (("fill", "fill"), ("evaluation", UPLOADER_CONTAINER)):
        references = [
            each["valueFrom"]["secretKeyRef"]
            for each in _container(JOBS[name], container)["env"]
            if "valueFrom" in each
        ]
        assert references == [
            {"name": "minio-credentials", "key": "accesskey"},
            {"name": "minio-credentials", "key": "secretkey"},
        ]


def test_failure_10_the_tool_gets_no_secret() -> None:
    """The evaluation tools ran with HF_TOKEN loaded and TLS verification off (docs/failures.md, row 10)."""
    tool = _container(JOBS["evaluation"], TOOL_CONTAINER)
    assert "envFrom" not in tool
    assert all("valueFrom" not in each for each in tool["env"])


def test_a_services_token_reaches_the_tool_alone_and_by_reference() -> None:
    """It would stand in the Job or on a command line, where everybody may read it; or be missing, silently."""
    job = evaluation_job(model("quantized"), replace(EVALUATION, token_variable="OPENAI_API_KEY"))
    reference = {"name": "served-model-token", "key": "token"}
    given = {"name": "OPENAI_API_KEY", "valueFrom": {"secretKeyRef": reference}}
    holders = [
        each["name"] for kind in ("containers", "initContainers") for each in _pod(job)[kind] if given in each["env"]
    ]
    assert holders == [TOOL_CONTAINER]
    assert _container(job, TOOL_CONTAINER)["args"] == _container(JOBS["evaluation"], TOOL_CONTAINER)["args"]


def test_the_tool_writes_where_the_uploader_reads() -> None:
    """Reports that stay in the pod are gone with it."""
    volumes = {
        name: {each["mountPath"]: each["name"] for each in _container(JOBS["evaluation"], name)["volumeMounts"]}
        for name in (TOOL_CONTAINER, UPLOADER_CONTAINER)
    }
    assert volumes[TOOL_CONTAINER][REPORTS] == volumes[UPLOADER_CONTAINER][REPORTS]
    assert f"--reports={REPORTS}" in _container(JOBS["evaluation"], UPLOADER_CONTAINER)["args"]


def test_the_tool_and_the_uploader_name_one_pipe() -> None:
    """An uploader that waits at another pipe waits until the Job's deadline."""
    pipe = _container(JOBS["evaluation"], TOOL_CONTAINER)["args"][0]
    assert f"--done={pipe}" in _container(JOBS["evaluation"], UPLOADER_CONTAINER)["args"]


@pytest.mark.parametrize("name", JOBS)
def test_every_path_in_an_argument_lies_on_a_mount(name: str) -> None:
    """The root file system is read-only: a path beside the mounts cannot be written."""
    for container in _pod(JOBS[name])["containers"]:
        mounts = tuple(each["mountPath"] for each in container["volumeMounts"])
        paths = [each.partition("=")[2] or each for each in container["args"]]
        assert all(path.startswith(mounts) for path in paths if path.startswith("/"))


def test_an_evaluation_would_rather_leave_the_gpu_nodes_and_a_fill_may_not() -> None:
    """A test would take the cores of the model that it measures; weights would be filled onto another node's disk."""
    evaluation, fill = (JOBS[name]["spec"]["template"]["spec"] for name in ("evaluation", "fill"))
    assert evaluation["affinity"] == away_from_gpus()["affinity"]
    assert ("affinity" in fill, fill["nodeSelector"]) == (False, model("full").serving.node_selector)


def test_the_fill_works_on_the_volume_of_the_model() -> None:
    """Filled into another claim, the weights would be served by nobody."""
    volumes = {each["name"]: each for each in _pod(JOBS["fill"])["volumes"]}
    assert volumes["weights"]["persistentVolumeClaim"] == {"claimName": "mistral-24b-pvc"}
    assert {"name": "weights", "mountPath": VOLUME} in _container(JOBS["fill"], "fill")["volumeMounts"]


def test_a_model_from_s3_has_nothing_to_fill() -> None:
    """A fill of a volume that does not exist would wait until its deadline."""
    with pytest.raises(NoVolumeError):
        fill_job(model("quantized"), FILL)


def test_equal_bytes_have_one_fill_and_others_have_another() -> None:
    """A second flow must find the first one's Job, and other bytes must not be taken for filled."""
    spec = model("full")
    assert fill_name(spec, FILL) == fill_name(spec, replace(FILL, timeout_seconds=60))
    assert fill_name(spec, FILL) != fill_name(spec, replace(FILL, manifest_sha256="f" * 64))


def test_the_longest_service_name_still_gives_a_job_name() -> None:
    """Kubernetes refuses a Job whose name has more than 63 characters."""
    spec = model("full")
    serving = spec.serving.model_copy(update={"inference_service": "m" * 44 + "-" + "m" * 8})
    name = fill_name(spec.model_copy(update={"serving": serving}), FILL)
    assert len(name) <= 63
    assert "--" not in name


def test_a_group_is_named_only_on_request() -> None:
    """OpenShift refuses a pod with a group of its own choice; elsewhere a new volume belongs to root."""
    assert "securityContext" not in _pod(JOBS["fill"])
    grouped = _pod(fill_job(model("full"), replace(FILL, fs_group=1000)))
    assert grouped["securityContext"] == {"fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch"}
