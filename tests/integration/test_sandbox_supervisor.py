"""The sandbox's supervisor against real servers: idempotent, forgiving to half-dead runs, and tidy."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import botocore
import kubernetes
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox import environment, health, layout, ports, processes, seaweed
from sandbox.errors import NotOurStateError, PortTakenError, ServiceFailedError
from sandbox.layout import BUCKET, STATE_VARIABLE
from sandbox.supervisor import Sandbox

QUICK = ("hub", "registry")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Two quick services, not started, in a folder whose name a shell must quote."""
    made = Sandbox(tmp_path / "it's a state", services=QUICK, provision=())
    yield made
    made.stop()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of the sandbox's business."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def pids(sandbox: Sandbox) -> dict[str, int | None]:
    """The process of each service."""
    return {each.service: each.pid for each in sandbox.status()}


def mark(sandbox: Sandbox) -> str:
    """What the processes of a sandbox carry."""
    return f"{sandbox.state}#"


def command(sandbox: Sandbox, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m sandbox` on this sandbox as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=layout.PROJECT,
        env={**os.environ, STATE_VARIABLE: str(sandbox.state), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_second_up_leaves_healthy_services_alone(sandbox: Sandbox) -> None:
    """Without this, `make up` would cut off every run in progress."""
    sandbox.start()
    before = pids(sandbox)
    sandbox.start()
    assert pids(sandbox) == before
    assert all(each.well for each in sandbox.status())


def test_up_restarts_only_the_service_that_was_killed(sandbox: Sandbox) -> None:
    """Without this, one crash would need a full restart, or a `down` that the user must think of."""
    sandbox.start()
    before = pids(sandbox)
    os.kill(before["registry"] or 0, signal.SIGKILL)
    sandbox.start()
    assert pids(sandbox)["hub"] == before["hub"]
    assert pids(sandbox)["registry"] not in {None, before["registry"]}


def test_up_restarts_a_service_that_runs_but_does_not_answer(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a hung server would count as up for ever."""
    sandbox.start()
    before = pids(sandbox)["registry"] or 0
    os.kill(before, signal.SIGSTOP)
    monkeypatch.setattr("sandbox.lifecycle._PROBE_SECONDS", 0.5)
    sandbox.start()
    assert pids(sandbox)["registry"] != before
    assert processes.identity(before) is None


def test_pid_that_was_given_away_again_is_not_killed(sandbox: Sandbox, bystander: subprocess.Popen[bytes]) -> None:
    """Without this, a stale pid file would cost the user some other program."""
    sandbox.start()
    at = sandbox.layout
    stale = processes.read(at.pid_file("registry"))
    assert stale is not None
    sandbox.stop()
    processes.write(at.pid_file("registry"), replace(stale, pid=bystander.pid))
    sandbox.start()
    sandbox.stop()
    assert bystander.poll() is None


def test_taken_port_names_its_holder_and_the_variable(tmp_path: Path) -> None:
    """Without this, a user would see a server's stack trace and not know what to stop or to set."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        sandbox = Sandbox(tmp_path / "state", ports={**ports.free(), "hub": taken}, services=["hub"], provision=())
        with pytest.raises(PortTakenError) as error:
            sandbox.start()
    assert f"Port {taken}" in str(error.value)
    assert f"process {os.getpid()} (" in str(error.value)
    assert "export SLIPWAY_SANDBOX_HUB_PORT=" in str(error.value)


def test_service_that_fails_shows_the_end_of_its_log(sandbox: Sandbox) -> None:
    """Without this, a user would wait for a timeout and then look for the log."""
    (sandbox.state / "registry" / "registry.db").mkdir(parents=True)
    (sandbox.state / "slipway-sandbox").touch()
    with pytest.raises(ServiceFailedError, match=r"(?s)registry ended by itself, exit code .*unable to open database"):
        sandbox.start()
    assert [each.service for each in sandbox.status() if each.well] == ["hub"]


def test_env_is_understood_by_a_shell(sandbox: Sandbox) -> None:
    """Without quoting, a folder with a blank or a quote in its name would break `eval "$(python -m sandbox env)"`."""
    sandbox.start()
    script = f'eval "$("{sys.executable}" -m sandbox env)" && env -0'
    shell = subprocess.run(
        ["sh", "-c", script],
        cwd=layout.PROJECT,
        env={"PATH": os.environ["PATH"], STATE_VARIABLE: str(sandbox.state)},
        capture_output=True,
        text=True,
        check=True,
    )
    got = dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)
    assert got.items() >= sandbox.environment().items()
    assert got["KUBECONFIG"].startswith(str(sandbox.state))


def test_status_command_fails_if_a_service_is_down(sandbox: Sandbox) -> None:
    """Without this, a script could not ask whether the sandbox is up."""
    sandbox.start()
    status = command(sandbox, "status")
    assert status.returncode == 1
    lines = {line.split()[0]: line.split()[3] for line in status.stdout.splitlines()[1:]}
    assert lines == {
        "s3": "down",
        "hub": "well",
        "registry": "well",
        "kube": "down",
        "kserve": "down",
        "prefect": "down",
        "worker": "down",
    }


def test_two_ups_at_once_start_each_service_once(sandbox: Sandbox) -> None:
    """Without the lock, two terminals would start two servers on one port and lose track of one."""
    chosen = ports.free()
    twins = [Sandbox(sandbox.state, ports=chosen, services=QUICK, provision=()) for _ in range(2)]
    together = [threading.Thread(target=twin.start) for twin in twins]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert len(processes.members(mark(sandbox))) == len(QUICK)
    assert all(each.well for each in sandbox.status())


def test_down_leaves_no_process(sandbox: Sandbox) -> None:
    """Without this, `make down` would leave servers that hold ports and memory."""
    sandbox.start()
    assert command(sandbox, "down").returncode == 0
    assert processes.members(mark(sandbox)) == []
    assert command(sandbox, "down").stdout == "Nothing was running\n"


def test_down_ends_what_no_pid_file_names(sandbox: Sandbox) -> None:
    """Without this, the pods of an API server that was killed would run on for ever."""
    sandbox.start()
    variables = {**os.environ, processes.MEMBER_VARIABLE: f"{sandbox.state}#pod"}
    with subprocess.Popen(["sleep", "600"], env=variables, start_new_session=True) as pod:
        sandbox.stop()
        assert pod.wait(timeout=60) == -signal.SIGTERM


def test_down_ends_the_pods_of_an_api_server_that_was_killed(tmp_path: Path) -> None:
    """Without this, a crash of the cluster's stand-in would leave builds and flow runs running on."""
    with Sandbox(tmp_path / "state", services=["kube"], provision=["cluster"]) as sandbox:
        _run_job(sandbox.layout.kubeconfig, command=["sleep", "600"])
        assert [_command(pid) for pid in processes.members(f"{sandbox.state}#pod")] == ["sleep 600"]
        os.kill(pids(sandbox)["kube"] or 0, signal.SIGKILL)
        sandbox.stop()
        assert processes.members(mark(sandbox)) == []


def test_reset_forgets_the_data(sandbox: Sandbox) -> None:
    """Without this, a user could not begin again."""
    sandbox.start()
    sandbox.reset()
    assert not sandbox.state.exists()
    assert processes.members(mark(sandbox)) == []


def test_foreign_folder_is_neither_filled_nor_deleted(tmp_path: Path) -> None:
    """Without this, SLIPWAY_SANDBOX_STATE=$HOME and `reset` would delete a home."""
    (tmp_path / "letter.txt").write_text("dear reader")
    sandbox = Sandbox(tmp_path, services=QUICK)
    for change in (sandbox.start, sandbox.reset):
        with pytest.raises(NotOurStateError):
            change()
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_s3_keeps_objects_over_a_kill_and_lets_nobody_in_without_a_key(tmp_path: Path) -> None:
    """Without this, a crash would lose an import, or the sandbox would allow what production refuses."""
    with Sandbox(tmp_path / "state", services=["s3"]) as sandbox:
        at = sandbox.layout
        store, reader = (_client(at, who) for who in ("importer", "reader"))
        store.put_object(Bucket=BUCKET, Key="a/b", Body=b"weights")
        assert store.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
        assert len(store.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]) == 2
        os.kill(pids(sandbox)["s3"] or 0, signal.SIGKILL)
        sandbox.start()
        assert reader.get_object(Bucket=BUCKET, Key="a/b")["Body"].read() == b"weights"
        for who in (reader, _client(at, None)):
            with pytest.raises(ClientError, match="AccessDenied"):
                who.put_object(Bucket=BUCKET, Key="a/b", Body=b"other")
        with pytest.raises(ClientError, match="NoSuchBucket"):
            store.put_object(Bucket="elsewhere", Key="a", Body=b"")
        with pytest.raises(ClientError, match="AccessDenied"):
            _client(at, None).list_objects_v2(Bucket=BUCKET)
        sockets = seaweed.sockets(at)
    assert not any(socket.exists() for socket in sockets)
    assert not health.is_well(seaweed.probes(at), seconds=1)


def _run_job(kubeconfig: Path, *, command: list[str]) -> None:
    """Create a Job and wait until its pod runs."""
    api = kubernetes.config.new_client_from_config(str(kubeconfig))
    container = {"name": "main", "image": environment.BUILDER_IMAGE, "command": command}
    pod = {"restartPolicy": "Never", "containers": [container]}
    job = {"metadata": {"name": "long"}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}
    kubernetes.client.BatchV1Api(api).create_namespaced_job(layout.NAMESPACE, job)
    core = kubernetes.client.CoreV1Api(api)
    watch = kubernetes.watch.Watch()
    for event in watch.stream(core.list_namespaced_pod, layout.NAMESPACE, timeout_seconds=120):
        if event["object"].status.phase == "Running":
            return
    pytest.fail("the pod did not run")


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()


def _client(at: layout.Layout, who: str | None):  # noqa: ANN202 - boto3 makes its clients at run time
    keys = {
        "importer": (at.secrets.s3_access_key, at.secrets.s3_secret_key),
        "reader": (at.secrets.s3_reader_access_key, at.secrets.s3_reader_secret_key),
    }
    signed = {} if who else {"signature_version": botocore.UNSIGNED}
    access, secret = keys[who] if who else (None, None)
    return boto3.client(
        "s3",
        endpoint_url=at.url("s3"),
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 1}, **signed),
    )
