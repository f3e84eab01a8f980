"""The platform installed on the sandbox's Kubernetes: all problems at once, a fresh install, a second run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.apply_platform.applying import apply_changes, plan_changes
from flows.apply_platform.errors import PreviewError
from flows.apply_platform.installation import Wish, noted, planned_secrets, platform_objects, store_secrets
from flows.apply_platform.looking import look
from flows.apply_platform.objects import label
from flows.apply_platform.variables import PlatformVariables
from flows.apply_platform.waiting import wait_for_all
from k8s.cluster.administration import Administrator, administer
from tests.integration.platform_site import HUSH, INPUTS, bare_cluster, install_kserve, write_site
from tests.integration.prefect_server import FOREIGN, prefect_server, prefect_worker
from tests.integration.registry_server import empty_registry
from tests.integration.registry_server import serving as serving_registry
from tests.integration.s3_server import WRITER, S3Server
from tests.integration.self_signed import self_signed

ROOT = Path(__file__).parents[2]
PREFECT = [sys.executable, "-m", "prefect"]

Object = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administrator]:
    """Serve one cluster for the tests of the steps, which follow each other as in an installation."""
    with bare_cluster(tmp_path_factory.mktemp("kube")) as kubeconfig, pytest.MonkeyPatch.context() as patch:
        for name in PlatformVariables.model_fields:
            patch.delenv(name.upper(), raising=False)
        patch.setenv("KUBECONFIG", str(kubeconfig))
        patch.chdir(kubeconfig.parent)  # no `.env` of whoever runs the tests
        yield administer()


def given(monkeypatch: pytest.MonkeyPatch) -> PlatformVariables:
    """The variables of a complete installation."""
    for name, value in {**HUSH, **INPUTS}.items():
        monkeypatch.setenv(name, value)
    return PlatformVariables()


def install(cluster: Administrator, variables: PlatformVariables, overlay: str = "kubernetes") -> list[Object]:
    """Install all objects, without waiting."""
    objects = platform_objects(overlay, given=variables)
    cluster.apply_all([each for each in objects if each["kind"] == "Namespace"])
    plan = planned_secrets(cluster, objects, given=variables, rotate=())
    assert plan.problems == ()
    store_secrets(cluster, plan.changes)
    wanted = noted(cluster, objects)
    apply_changes(cluster, plan_changes(cluster, wanted), force=False, say=lambda _: None)
    return wanted


def test_failure_17_an_empty_cluster_is_told_everything_at_once(cluster: Administrator) -> None:
    """A fresh install once stopped at the first missing thing, and began again at the next."""
    assert cluster.objects("v1", "Namespace")
    findings = look(Wish(), given=PlatformVariables())
    assert [finding.name for finding in findings if not finding.ok] == [
        "kinds",
        "storage class",
        "images",
        "image repository",
        "secrets",
    ]
    assert cluster.get("v1", "Namespace", "model-storage") is None


def test_an_overlay_that_does_not_render_is_one_problem_of_several(
    cluster: Administrator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typo in a path would hide that a password cannot be."""
    assert cluster.address
    monkeypatch.setenv("MYSQL_PASSWORD", "a@b")
    findings = look(Wish(overlay=str(tmp_path / "nowhere")), given=PlatformVariables())
    assert [finding.name for finding in findings if not finding.ok] == [f"overlay {tmp_path / 'nowhere'}", "secrets"]


def test_failure_17_a_fresh_install_converges_and_a_second_changes_nothing(
    cluster: Administrator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A namespace and two Secrets were missing, and nobody waited for what was there."""
    monkeypatch.setenv("SLIPWAY_CA_BUNDLE", str(self_signed(tmp_path)))
    install_kserve(cluster)
    variables = given(monkeypatch)
    assert [finding for finding in look(Wish(), given=variables) if not finding.ok] == []
    objects = install(cluster, variables)
    for thing in objects:
        metadata = thing["metadata"]
        if thing["kind"] != "Job":
            found = cluster.get(
                thing["apiVersion"], thing["kind"], metadata["name"], namespace=metadata.get("namespace")
            )
            assert found is not None, label(thing)
    assert "ConfigMap private-ai-demo/slipway-ca" in map(label, objects)
    again = planned_secrets(cluster, objects, given=variables, rotate=())
    assert {each.action for each in again.changes} == {"keep"}
    changes = plan_changes(cluster, noted(cluster, platform_objects("kubernetes", given=variables)))
    assert {each.name: each.action for each in changes if each.action != "keep"} == {
        "Job model-storage/minio-bucket": "run"
    }


def test_a_rotated_secret_starts_its_users_anew_and_nobody_else(
    cluster: Administrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MinIO would go on with the old password, and the bucket Job fail with the new one."""
    install(cluster, given(monkeypatch))
    monkeypatch.setenv("MINIO_ROOT_PASSWORD", "hush-other-root")
    variables = PlatformVariables()
    objects = platform_objects("kubernetes", given=variables)
    plan = planned_secrets(cluster, objects, given=variables, rotate=())
    assert [each.name for each in plan.changes if each.action != "keep"] == ["minio-root-credentials"]
    store_secrets(cluster, plan.changes)
    changes = plan_changes(cluster, noted(cluster, objects))
    assert {each.name: each.paths for each in changes if each.action != "keep"} == {
        "Deployment model-storage/minio": ("spec.template.metadata.annotations.slipway.dev/rotation",),
        "Job model-storage/minio-bucket": (),
    }


def test_failure_17_a_failed_bucket_job_is_run_again_and_a_done_one_stays(
    cluster: Administrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Job's template never changes: applied again, a failed one stayed failed until somebody deleted it."""
    [job] = [each for each in install(cluster, given(monkeypatch)) if each["kind"] == "Job"]
    script = job["spec"]["template"]["spec"]["containers"][0]
    broken = {**job, "spec": {**job["spec"], "backoffLimit": 0}}
    broken["spec"]["template"] = {
        **job["spec"]["template"],
        "spec": {**job["spec"]["template"]["spec"], "containers": [{**script, "args": ["-c", "exit 3"]}]},
    }
    [failed] = wait_for_all(cluster, [broken], seconds=20, say=lambda _: None)
    assert not failed.ok
    assert "exit code 3" in failed.detail
    for said in ("succeeded after", "has succeeded"):
        [done] = wait_for_all(cluster, [job], seconds=20, say=lambda _: None)
        assert done.ok, done.detail
        assert done.detail.startswith(said)


def test_a_field_of_somebody_else_is_refused_before_anything_is_changed(
    cluster: Administrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an installation would be applied when the conflict is met."""
    objects = install(cluster, given(monkeypatch))
    stray = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "slipway-environment", "namespace": "private-ai-demo"},
        "data": {"SLIPWAY_BUCKET": "mine"},
    }
    command = ["kubectl", "apply", "--server-side", "--force-conflicts", "--field-manager=gitops", "--filename=-"]
    text = str(stray).replace("'", '"')
    subprocess.run(command, input=text, text=True, check=True, capture_output=True)
    with pytest.raises(PreviewError, match=r"gitops.*--force-conflicts"):
        plan_changes(cluster, objects)
    forced = plan_changes(cluster, objects, force=True)
    assert [each.paths for each in forced if each.action == "change"] == [("data.SLIPWAY_BUCKET",)]
    apply_changes(cluster, forced, force=True, say=lambda _: None)


def test_what_does_not_become_ready_is_explained(cluster: Administrator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old script exited 0 whatever happened."""
    objects = [
        each
        for each in install(cluster, given(monkeypatch))
        if label(each) in {"Deployment model-storage/minio", "PersistentVolumeClaim model-storage/minio-data"}
    ]
    findings = wait_for_all(cluster, objects, seconds=4, say=lambda _: None)
    assert [(finding.name.split()[0], finding.ok) for finding in findings] == [
        ("Deployment", False),
        ("PersistentVolumeClaim", True),
    ]
    assert "kubectl describe" in findings[0].detail


@pytest.fixture
def servers(s3: S3Server, tmp_path: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Real servers in place of the platform's own; gives their addresses and an administrator's environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    auth = HUSH["PREFECT_API_AUTH_STRING"]
    server = tmp_path / "server"
    server.mkdir()
    with (
        prefect_server(server, PREFECT_SERVER_API_AUTH_STRING=auth, PREFECT_API_AUTH_STRING=auth) as ready,
        empty_registry(tmp_path) as registry,
        serving_registry(registry) as registry_url,
    ):
        addresses = {
            "PREFECT_API_URL": ready(),
            "AWS_ENDPOINT_URL": s3.endpoint,
            "SLIPWAY_REGISTRY_URL": registry_url,
        }
        yield (
            addresses,
            {
                **inherited,
                "PREFECT_HOME": str(tmp_path / "admin"),
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
            },
        )


def test_the_command_installs_waits_and_proves_and_says_when_nothing_is_to_do(
    servers: tuple[dict[str, str], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m flows.apply_platform` is all that an administrator types, and it once lied."""
    addresses, environment = servers
    site = write_site(tmp_path / "site", addresses)
    with bare_cluster(tmp_path / "kube") as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        install_kserve(administer())
        environment |= {**HUSH, **INPUTS, "KUBECONFIG": str(kubeconfig)}
        environment |= {"MINIO_ACCESS_KEY": WRITER.id, "MINIO_SECRET_KEY": WRITER.secret}
        environment |= {"PYTHONPATH": str(ROOT)}
        worker = environment | {"PREFECT_API_URL": addresses["PREFECT_API_URL"], "PREFECT_WORKER_QUERY_SECONDS": "1"}
        options = ("--install-policy=never", "--no-create-pool-if-not-found")
        with prefect_worker("slipway", *options, environment=worker, log=tmp_path / "worker.log"):
            first = run(site, environment, tmp_path)
            second = run(site, environment, tmp_path, "--dry-run")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "the platform is ready; " in first.stdout
    for said in ("is versioned, and refuses whoever has no key", "only with its auth string", "polls the pool slipway"):
        assert said in first.stderr
    assert second.returncode == 0, second.stdout + second.stderr
    assert second.stdout == "dry run: nothing would change\n"
    shown = first.stdout + first.stderr + second.stdout + second.stderr
    assert "hush" not in shown
    assert WRITER.secret not in shown


def run(site: Path, environment: dict[str, str], folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as an administrator does, away from any `.env`."""
    command = [sys.executable, "-m", "flows.apply_platform", f"--overlay={site}", "--timeout=120", *options]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=500
    )
