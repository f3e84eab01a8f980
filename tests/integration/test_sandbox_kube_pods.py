"""The sandbox's kubelet: how containers run as processes, what they see, and how they end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import kubernetes
import pytest

from tests.integration.sandbox_kube import PATIENCE, Json, Pods, Server, gone, pod, serving

OWN_PID = "echo $$$$; sleep 600"  # Kubernetes makes one dollar of two


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve one cluster for all tests of this file; each test's pods have names of their own."""
    with serving(tmp_path_factory.mktemp("kube")) as server:
        yield server


@pytest.fixture(scope="module")
def pods(server: Server) -> Pods:
    """Return what runs pods, with a ConfigMap and a Secret for them."""
    pods = Pods(server.client())
    pods.core.create_namespaced_config_map("default", {"metadata": {"name": "settings"}, "data": {"COLOUR": "red"}})
    pods.core.create_namespaced_secret("default", {"metadata": {"name": "login"}, "stringData": {"token": "hush"}})
    return pods


def state(pod: Json, kind: str) -> Json:
    """Return the first container's state, if it is of this kind."""
    statuses = pod["status"].get("containerStatuses") or [{"state": {}}]
    found: Json = statuses[0]["state"].get(kind) or {}
    return found


def waits_for(reason: str) -> Callable[[Json], bool]:
    """Return a test for the reason that the first container waits for."""
    return lambda pod: state(pod, "waiting").get("reason") == reason


def alive(pid: str) -> bool:
    """Tell whether a process lives."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_container_sees_its_own_environment_and_nothing_of_ours(pods: Pods, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows would pick up settings of the developer's shell and work by accident."""
    monkeypatch.setenv("LEAK", "yes")
    container = {
        "envFrom": [{"configMapRef": {"name": "settings"}}],
        "env": [
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "login", "key": "token"}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "BOTH", "value": "$(COLOUR)-$(NAME)-$(NOBODY)-$$(NAME)"},
        ],
    }
    pods.run(pod("environment", "env", container=container))
    env = dict(line.split("=", 1) for line in pods.log("environment").splitlines())
    assert env["TOKEN"] == "hush"
    assert env["BOTH"] == "red-environment-$(NOBODY)-$(NAME)"
    assert set(env) <= {
        *("PATH", "HOME", "TMPDIR", "HOSTNAME", "KUBECONFIG", "SANDBOX_CONTAINER", "PWD", "SHLVL", "_", "OLDPWD"),
        *("COLOUR", "TOKEN", "NAME", "BOTH"),
    }


def test_volumes_are_found_under_their_mount_paths(pods: Pods) -> None:
    """Credentials, build contexts and work folders reach a container by its mounts."""
    mounts = [
        {"name": "settings", "mountPath": "/etc/settings"},
        {"name": "login", "mountPath": "/etc/login"},
        {"name": "work", "mountPath": "/work", "subPath": "inner"},
    ]
    volumes = [
        {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "COLOUR", "path": "c/colour"}]}},
        {"name": "login", "secret": {"secretName": "login"}},
        {"name": "work", "emptyDir": {}},
    ]
    script = "cat /etc/settings/c/colour /etc/login/token > /work/both; cat /work/both $WHERE; echo /workshop"
    container = {"volumeMounts": mounts, "env": [{"name": "WHERE", "value": "/work/both"}]}
    ended = pods.run(pod("mounts", script, container=container, volumes=volumes))
    assert (ended["status"]["phase"], pods.log("mounts")) == ("Succeeded", "redhushredhush/workshop\n")


def test_a_pods_own_tmpdir_stays_short(pods: Pods) -> None:
    """Programs make Unix sockets in TMPDIR, and a folder of a volume is too deep here for their whole path."""
    container = {
        "volumeMounts": [{"name": "work", "mountPath": "/work"}],
        "env": [{"name": "TMPDIR", "value": "/work"}],
    }
    pods.run(pod("tmpdir", "echo $TMPDIR", container=container, volumes=[{"name": "work", "emptyDir": {}}]))
    assert len(pods.log("tmpdir").strip()) < 40


def test_the_termination_message_is_read(pods: Pods) -> None:
    """The build Job reports its digest in it."""
    ended = pods.run(pod("message", "echo sha256:abc > /dev/termination-log"))
    assert state(ended, "terminated")["message"] == "sha256:abc\n"


def test_a_failure_without_a_message_shows_the_end_of_the_log_if_asked(pods: Pods) -> None:
    """`kubectl describe` explains a failed build only so."""
    container = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    ended = pods.run(pod("fallback", "echo no space left; exit 3", container=container))
    told = state(ended, "terminated")
    assert (told["exitCode"], told["reason"], told["message"]) == (3, "Error", "no space left\n")


def test_init_containers_run_first_and_in_order(pods: Pods) -> None:
    """The storage initializer fills a volume before the server starts."""
    mount = [{"name": "work", "mountPath": "/work"}]
    inits = [
        {"name": name, "image": "sh", "command": ["sh", "-c", f"echo {name} >> /work/log"], "volumeMounts": mount}
        for name in ("first", "second")
    ]
    manifest = pod("inits", "cat /work/log", container={"volumeMounts": mount})
    manifest["spec"] |= {"initContainers": inits, "volumes": [{"name": "work", "emptyDir": {}}]}
    pods.run(manifest)
    assert pods.log("inits") == "first\nsecond\n"


def test_a_failed_init_container_fails_the_pod(pods: Pods) -> None:
    """A server would start on a half-filled volume."""
    manifest = pod("bad-init", "echo never")
    manifest["spec"]["initContainers"] = [{"name": "init", "image": "sh", "command": ["sh", "-c", "exit 1"]}]
    ended = pods.run(manifest)
    assert ended["status"]["phase"] == "Failed"
    assert state(ended, "waiting")["reason"] == "PodInitializing"


def test_a_log_is_followed_while_it_grows(pods: Pods, tmp_path: Path) -> None:
    """`kubectl logs -f` and Prefect's stream would show nothing until the end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pods.create(pod("growing", f"echo one; read x < {pipe}; echo two"))
    pods.until("growing", lambda pod: bool(state(pod, "running")))
    stream = pods.core.read_namespaced_pod_log("growing", "default", follow=True, _preload_content=False)
    lines = stream.stream(1)
    got = b""
    while b"one\n" not in got:
        got += next(lines)
    pipe.write_text("go\n")
    got += b"".join(lines)
    assert got == b"one\ntwo\n"


def test_a_log_is_cut_as_asked(pods: Pods) -> None:
    """An error carries the end of a log, not megabytes of it."""
    pods.run(pod("lines", "seq 1 100; printf end"))
    assert pods.log("lines", tail_lines=2) == "100\nend"
    assert pods.log("lines", limit_bytes=5) == "1\n2\n3"
    assert pods.log("lines", timestamps=True, tail_lines=1).endswith("Z end")


def test_a_failing_container_is_started_again(pods: Pods) -> None:
    """`restartPolicy: OnFailure` and the log of the run before."""
    script = "test -e $HOME/once && exit 0; touch $HOME/once; echo first; exit 1"
    manifest = pod("again", script)
    manifest["spec"]["restartPolicy"] = "OnFailure"
    ended = pods.run(manifest)
    status = ended["status"]["containerStatuses"][0]
    assert (ended["status"]["phase"], status["restartCount"]) == ("Succeeded", 1)
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert pods.log("again", previous=True) == "first\n"


def test_a_missing_secret_holds_the_container_until_it_is_there(pods: Pods) -> None:
    """An optional token that is silently empty ran unauthenticated; a required one has to stop the pod."""
    env = {"env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "late", "key": "token"}}}]}
    pods.create(pod("late", "echo $TOKEN", container=env))
    seen = pods.until("late", waits_for("CreateContainerConfigError"))
    assert state(seen, "waiting")["message"] == 'secret "late" not found'
    pods.core.create_namespaced_secret("default", {"metadata": {"name": "late"}, "stringData": {"token": "came"}})
    pods.until("late", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert pods.log("late") == "came\n"


def test_an_image_that_the_map_lacks_cannot_be_pulled(server: Server, pods: Pods) -> None:
    """A wrong image name must look as it does on a cluster, and mending it must help."""
    pods.create(pod("pull", "echo ran", container={"image": "no/such:1"}))
    seen = pods.until("pull", waits_for("ImagePullBackOff"))
    assert "--images" in state(seen, "waiting")["message"]

    def told() -> set[str]:
        events = pods.core.list_namespaced_event("default", field_selector="involvedObject.name=pull").items
        return {event.reason for event in events}

    assert gone(lambda: {"Failed", "BackOff"} <= told())
    server.map_images({"sh": {}, "no/such": {}})
    pods.until("pull", lambda pod: pod["status"]["phase"] == "Succeeded")


def test_a_command_that_does_not_exist_fails_the_start(pods: Pods) -> None:
    """The message has to name what is missing from the image."""
    ended = pods.run(pod("nothing", "", container={"command": ["no-such-program"]}))
    told = state(ended, "terminated")
    assert (told["exitCode"], told["reason"]) == (128, "StartError")
    assert "no-such-program" in told["message"]


def test_a_host_path_is_refused(pods: Pods) -> None:
    """A pod could write anywhere on the user's machine."""
    manifest = pod("host", "true", volumes=[{"name": "root", "hostPath": {"path": "/"}}])
    pods.create(manifest)
    for event in _events(pods, "host"):
        if event["reason"] == "FailedMount":
            assert "no hostPath volumes" in event["message"]
            return
    pytest.fail("no FailedMount event")


def test_a_container_over_its_memory_limit_is_killed(pods: Pods) -> None:
    """An evaluation that outgrows its limit has to be seen here, before it is on a node."""
    script = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); sleep 20"
    ended = pods.run(pod("greedy", script, container={"resources": {"limits": {"memory": "32Mi"}}}))
    told = state(ended, "terminated")
    assert (told["exitCode"], told["reason"]) == (137, "OOMKilled")


def test_a_deleted_pod_is_asked_to_end_first(pods: Pods, tmp_path: Path) -> None:
    """A flow would have no chance to mark its run as cancelled."""
    note = tmp_path / "note"
    script = f"trap 'echo asked > {note}; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    pods.create(pod("polite", script))
    _await_line(pods, "polite", "ready")
    since = pods.core.list_namespaced_pod("default").metadata.resource_version
    pods.core.delete_namespaced_pod("polite", "default")
    _await_deleted(pods, "polite", since)
    assert note.read_text() == "asked\n"


def test_a_pod_that_does_not_listen_is_killed_with_all_its_processes(pods: Pods) -> None:
    """A process that outlives its pod would hold memory and ports until the next reboot."""
    script = "trap '' TERM; sleep 600 & echo $!; wait; sleep 600"
    pods.create(pod("deaf", script, terminationGracePeriodSeconds=1))
    child = _await_line(pods, "deaf", "")
    assert alive(child)
    since = pods.core.list_namespaced_pod("default").metadata.resource_version
    pods.core.delete_namespaced_pod("deaf", "default")
    _await_deleted(pods, "deaf", since)
    assert gone(lambda: not alive(child))


def test_what_a_container_leaves_behind_ends_with_it(pods: Pods) -> None:
    """In a real container the first process takes all others with it."""
    pods.run(pod("leaving", "sleep 600 & echo $!"))
    assert gone(lambda: not alive(pods.log("leaving").strip()))


def test_a_process_in_a_session_of_its_own_ends_with_its_container(pods: Pods) -> None:
    """A daemon that escapes would keep its pod running, its log open and the server from stopping."""
    pods.run(pod("daemon", "setsid sleep 600 & echo $!"))
    assert gone(lambda: not alive(pods.log("daemon").strip()))


def test_a_readiness_probe_decides_readiness(pods: Pods, tmp_path: Path) -> None:
    """An endpoint that is not up yet would be tested."""
    up = tmp_path / "up"
    probe = {"exec": {"command": ["test", "-e", str(up)]}, "periodSeconds": 1}
    pods.create(pod("probed", "sleep 600", container={"readinessProbe": probe}, terminationGracePeriodSeconds=0))
    pods.until("probed", lambda pod: bool(state(pod, "running")) and not pod["status"]["containerStatuses"][0]["ready"])
    up.touch()
    pods.until("probed", lambda pod: pod["status"]["containerStatuses"][0]["ready"])
    pods.core.delete_namespaced_pod("probed", "default")


def test_a_pod_that_no_node_can_take_is_explained(pods: Pods) -> None:
    """A pod that waits for GPUs for ever looks like a slow one."""
    container = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    pods.create(pod("gpu", "true", container=container))
    seen = pods.until("gpu", lambda pod: bool(pod["status"].get("conditions")))
    (condition,) = seen["status"]["conditions"]
    assert condition["reason"] == "Unschedulable"
    assert condition["message"] == "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."


def test_pods_of_a_killed_server_are_ended_and_said_to_be_lost(tmp_path: Path) -> None:
    """After a crash, forgotten processes would run on beside their successors."""
    with serving(tmp_path) as server:
        pods = Pods(server.client())
        pods.create(pod("orphan", OWN_PID))
        pid = _await_line(pods, "orphan", "")
        server.kill()
        assert alive(pid)
        server.start()
        ended = Pods(server.client()).until("orphan", lambda pod: pod["status"]["phase"] == "Failed")
        assert state(ended, "terminated")["reason"] == "ContainerStatusUnknown"
        assert not alive(pid)


def test_containers_stop_with_the_server(tmp_path: Path) -> None:
    """`make down` leaves no process."""
    with serving(tmp_path) as server:
        pods = Pods(server.client())
        pods.create(pod("running", OWN_PID))
        pid = _await_line(pods, "running", "")
        server.stop()
        assert not alive(pid)


def test_leftovers_can_be_ended_without_a_server(tmp_path: Path) -> None:
    """A sandbox that is taken down after a crash has no server to ask."""
    with serving(tmp_path) as server:
        pods = Pods(server.client())
        pods.create(pod("left", OWN_PID))
        pid = _await_line(pods, "left", "")
        server.kill()
        server.run_command("--end-leftovers")
        assert not alive(pid)


def _events(pods: Pods, name: str) -> Iterator[Json]:
    stream = kubernetes.watch.Watch().stream(
        pods.core.list_namespaced_event,
        "default",
        field_selector=f"involvedObject.name={name}",
        timeout_seconds=PATIENCE,
    )
    for event in stream:
        yield event["raw_object"]


def _await_line(pods: Pods, name: str, wanted: str) -> str:
    """Return the first line of a pod's log once it is there."""
    pods.until(name, lambda pod: bool(state(pod, "running")))
    stream = pods.core.read_namespaced_pod_log(name, "default", follow=True, _preload_content=False)
    line = b""
    for chunk in stream.stream(1):
        line += chunk
        if line.endswith(b"\n"):
            break
    stream.close()
    text = line.decode().strip()
    assert wanted in text, json.dumps(text)
    return text


def _await_deleted(pods: Pods, name: str, since: str) -> None:
    watch = kubernetes.watch.Watch()
    for event in watch.stream(
        pods.core.list_namespaced_pod,
        "default",
        field_selector=f"metadata.name={name}",
        resource_version=since,
        timeout_seconds=PATIENCE,
    ):
        if event["type"] == "DELETED":
            watch.stop()
            return
    pytest.fail(f"{name} was not deleted")
