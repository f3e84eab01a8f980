"""The sandbox's Kubernetes API as kubectl sees it."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.sandbox_kube import Server, gone, serving

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="KUBECTL IS NOT INSTALLED: nothing proves that it works with the sandbox"
)

Kubectl = Callable[..., str]

JOB = """
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - {{name: main, image: sh, command: [sh, -c, "{script}"]}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve one cluster for all tests of this file; each test's objects have names of their own."""
    with serving(tmp_path_factory.mktemp("kube")) as server:
        yield server


@pytest.fixture(scope="module")
def kubectl(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """Return a function that runs kubectl and returns what it prints, errors included."""
    home = tmp_path_factory.mktemp("home")  # kubectl keeps a discovery cache there

    def run(*arguments: str, given: str = "", code: int = 0) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(server.kubeconfig)}
        done = subprocess.run(
            ["kubectl", *arguments], env=env, input=given, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_a_job_is_applied_awaited_and_read(kubectl: Kubectl) -> None:
    """The README's first commands against the cluster would fail."""
    assert kubectl("apply", "-f", "-", given=JOB.format(name="hello", script="echo hi")) == "job.batch/hello created\n"
    assert "condition met" in kubectl("wait", "--for=condition=complete", "job/hello", "--timeout=120s")
    assert kubectl("logs", "job/hello") == "hi\n"
    assert "unchanged" in kubectl("apply", "-f", "-", given=JOB.format(name="hello", script="echo hi"))
    header, row = kubectl("get", "pods", "-l", "job-name=hello").splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row.split()[1:4] == ["0/1", "Completed", "0"]
    assert kubectl("get", "job", "hello").splitlines()[1].split()[:3] == ["hello", "Complete", "1/1"]


def test_describe_tells_state_and_events(kubectl: Kubectl) -> None:
    """People look there first when a Job fails."""
    kubectl("apply", "-f", "-", given=JOB.format(name="broken", script="exit 7"))
    kubectl("wait", "--for=condition=failed", "job/broken", "--timeout=120s")
    told = kubectl("describe", "pod", "-l", "job-name=broken")
    assert "Exit Code:    7" in told
    assert "Successfully assigned default/broken-" in told
    about_jobs = ("get", "events", "--field-selector", "involvedObject.kind=Job")
    assert gone(lambda: "BackoffLimitExceeded" in kubectl(*about_jobs))


def test_logs_are_followed_to_the_end(server: Server, kubectl: Kubectl, tmp_path: Path) -> None:
    """`kubectl logs -f` would return before the flow run is done."""
    gate = tmp_path / "gate"
    script = f"echo 1; while [ ! -e {gate} ]; do sleep 0.05; done; echo 2; echo 3"
    kubectl("apply", "-f", "-", given=JOB.format(name="talking", script=script))
    kubectl("wait", "--for=jsonpath={.status.ready}=1", "job/talking", "--timeout=120s")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(server.kubeconfig)}
    command = ["kubectl", "logs", "-f", "job/talking"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        first = following.stdout.readline()
        gate.touch()
        assert first + following.stdout.read() == "1\n2\n3\n"


def test_typed_commands_create_objects(kubectl: Kubectl) -> None:
    """`kubectl create` sends protobuf, which nothing else does."""
    kubectl("create", "namespace", "typed")
    kubectl("create", "configmap", "settings", "--from-literal=a=1", "-n", "typed")
    kubectl("create", "secret", "generic", "login", "--from-literal=token=hush", "-n", "typed")
    kubectl("create", "serviceaccount", "robot", "-n", "typed")
    kubectl("create", "job", "typed", "--image=sh", "-n", "typed", "--", "sh", "-c", "echo typed")
    kubectl("wait", "--for=condition=complete", "job/typed", "-n", "typed", "--timeout=120s")
    assert kubectl("logs", "job/typed", "-n", "typed") == "typed\n"
    assert kubectl("get", "secret", "login", "-n", "typed", "-o", "jsonpath={.data.token}") == "aHVzaA=="
    kubectl("delete", "namespace", "typed")
    assert "NotFound" in kubectl("get", "namespace", "typed", code=1)


def test_apply_keeps_what_others_set(kubectl: Kubectl) -> None:
    """A second apply would drop the labels that a platform adds."""
    quota = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota, labels: {a: "1"}}
spec: {hard: {pods: "%s"}}
"""
    kubectl("apply", "-f", "-", given=quota % 5)
    kubectl("label", "quota", "quota", "mine=yes")
    kubectl("apply", "-f", "-", given=quota % 6)
    assert kubectl("get", "quota", "quota", "-o", "jsonpath={.spec.hard.pods} {.metadata.labels.mine}") == "6 yes"


def test_a_server_side_apply_names_the_conflicting_manager(kubectl: Kubectl) -> None:
    """Somebody else's change would be overwritten without a word."""
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fought}\ndata: {a: '%s'}\n"
    kubectl("apply", "--server-side", "--field-manager=first", "-f", "-", given=manifest % 1)
    told = kubectl("apply", "--server-side", "--field-manager=second", "-f", "-", given=manifest % 2, code=1)
    assert 'conflict with "first"' in told
    kubectl("apply", "--server-side", "--field-manager=second", "--force-conflicts", "-f", "-", given=manifest % 2)


def test_deletion_takes_the_pods_along(kubectl: Kubectl) -> None:
    """`kubectl delete job` would leave its process running."""
    kubectl("apply", "-f", "-", given=JOB.format(name="endless", script="sleep 600"))
    kubectl("wait", "--for=jsonpath={.status.ready}=1", "job/endless", "--timeout=120s")
    kubectl("delete", "job", "endless", "--cascade=foreground", "--timeout=120s")
    assert "No resources found" in kubectl("get", "pods", "-l", "job-name=endless")


def test_access_questions_are_answered(kubectl: Kubectl) -> None:
    """Preflight asks whether it may create Jobs."""
    assert kubectl("auth", "can-i", "create", "jobs.batch") == "yes\n"
    assert "kubernetes-admin" in kubectl("auth", "whoami")


def test_a_watch_prints_rows_as_they_change(server: Server, kubectl: Kubectl, tmp_path: Path) -> None:
    """`kubectl get -w` would stand still."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(server.kubeconfig)}
    command = ["kubectl", "get", "configmaps", "--watch-only", "--field-selector", "metadata.name=watched"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        lines: list[str] = []
        while not lines:
            kubectl("delete", "configmap", "watched", "--ignore-not-found")
            kubectl("create", "configmap", "watched", "--from-literal=a=1")
            if lines := _ready_lines(watching):
                break
        watching.terminate()
    assert lines[0].split() == ["NAME", "DATA", "AGE"]


def _ready_lines(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline()] if select.select([process.stdout], [], [], 1)[0] else []
