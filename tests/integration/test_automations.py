"""The automations against a real Prefect server: bad ends are told, and a crashed import is begun again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks.loading import DOCUMENT
from blocks.notification import Notification
from flows.automations.__main__ import main
from flows.automations.definitions import ATTEMPTS, NAMES, NOTIFY, RERUN
from tests.integration.import_world import World
from tests.integration.prefect_server import ask

_SECONDS = 60.0


@dataclass
class Runs:
    """Runs of one flow's deployment, moved from state to state as a worker and a pod would."""

    api: str
    deployment: str

    def new(self) -> str:
        """Create a run that is scheduled; returns its id."""
        path = f"/deployments/{self.deployment}/create_flow_run"
        return str(ask(self.api, path, {"state": {"type": "SCHEDULED"}})["id"])

    def set(self, run: str, *states: str, name: str | None = None, message: str = "") -> None:
        """Put a run into states, one after the other; the name is the last one's."""
        for state in states:
            told: dict[str, Any] = {"type": state, "message": message}
            if name and state == states[-1]:
                told["name"] = name
            answer = ask(self.api, f"/flow_runs/{run}/set_state", {"state": told})
            assert answer["status"] == "ACCEPT", answer

    def state(self, run: str) -> str:
        """The name of a run's state."""
        return str(ask(self.api, f"/flow_runs/{run}", method="GET")["state"]["name"])

    def wait(self, run: str, state: str) -> None:
        """Look until a run is in a state; Prefect's events cannot be awaited here."""
        deadline = time.monotonic() + _SECONDS
        while self.state(run) != state:
            assert time.monotonic() < deadline, f"the run stays {self.state(run)}"
            time.sleep(0.05)


def runs_of(flow: str, *, world: World) -> Runs:
    """A deployment of a flow of this name."""
    made = ask(world.prefect, "/flows/", {"name": flow})
    wanted = {"name": f"automations-{uuid4()}", "flow_id": made["id"]}
    deployment = ask(world.prefect, "/deployments/", wanted)
    return Runs(world.prefect, deployment["id"])


@contextmanager
def at_the_server(world: World) -> Iterator[None]:
    """Let Prefect's clients ask the world's server."""
    with temporary_settings({PREFECT_API_URL: world.prefect}):
        yield


@pytest.fixture
def applied(world: World) -> Iterator[World]:
    """The world with the automations, which are taken away again: other tests' imports fail on purpose."""
    world.webhook.forget()
    with at_the_server(world):
        Notification().save(DOCUMENT, overwrite=True)
        assert main(["apply"]) == 0
        yield world
        assert main(["remove"]) == 0


def automations(world: World) -> dict[str, dict[str, Any]]:
    """What the server holds, by name."""
    found = ask(world.prefect, "/automations/filter", {})
    return {automation["name"]: automation for automation in found}


def test_a_crashed_import_is_begun_again_until_its_last_attempt(applied: World) -> None:
    """A lost pod would wait for somebody to notice, or an import that always crashes would run for ever."""
    runs = runs_of("import", world=applied)
    run = runs.new()
    for _ in range(ATTEMPTS - 1):
        runs.set(run, "PENDING", "RUNNING", "CRASHED", message="the pod was evicted")
        runs.wait(run, "AwaitingRetry")
    runs.set(run, "PENDING", "RUNNING", "CRASHED", message="the pod was evicted")
    told = applied.webhook.next()
    assert "is Crashed" in told
    assert "the pod was evicted" in told
    assert f"prefect flow-run inspect {run}" in told
    assert runs.state(run) == "Crashed"
    assert applied.webhook.told.empty()  # the crashes that were mended are nobody's business


def test_an_import_that_never_started_is_told_and_not_repeated(applied: World) -> None:
    """A pod whose image does not exist would be started again and again: its run is never counted."""
    runs = runs_of("import", world=applied)
    run = runs.new()
    runs.set(run, "PENDING", "CRASHED", message="ImagePullBackOff")
    assert "ImagePullBackOff" in applied.webhook.next()
    assert runs.state(run) == "Crashed"


def test_a_test_that_regressed_is_told_and_one_that_passed_is_not(applied: World) -> None:
    """A regression at night would be found by whoever happens to open the UI, or lost among daily messages."""
    runs = runs_of("test", world=applied)
    runs.set(runs.new(), "PENDING", "RUNNING", "COMPLETED")
    runs.set(runs.new(), "PENDING", "RUNNING", "COMPLETED", name="Inconclusive")
    sentence = "regressed: arc_easy accuracy: 0.920 -> 0.740"
    runs.set(runs.new(), "PENDING", "RUNNING", "FAILED", name="Regressed", message=sentence)
    told = applied.webhook.next()
    assert told.startswith("test: ")
    assert "is Regressed\n" in told
    assert sentence in told


def test_applying_again_changes_nothing_and_a_paused_one_stays_paused(
    applied: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each upgrade would make one more copy, and send every message twice; or undo an operator's decision."""
    first = automations(applied)
    assert set(NAMES) <= set(first)
    ask(applied.prefect, f"/automations/{first[NOTIFY]['id']}", {"enabled": False}, method="PATCH")
    capsys.readouterr()
    assert main(["apply"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{RERUN}: is as it should be",
        f"{NOTIFY}: is as it should be, and stays paused",
    ]
    again = automations(applied)
    assert {name: again[name]["id"] for name in NAMES} == {name: first[name]["id"] for name in NAMES}
    assert main(["show"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{RERUN}: at work", f"{NOTIFY}: paused"]


def test_one_that_somebody_changed_is_corrected(applied: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A bound that was edited in the UI would hold until somebody counts."""
    held = automations(applied)[RERUN]
    changed = {name: held[name] for name in ("name", "trigger", "actions", "enabled")}
    changed["trigger"]["match"]["prefect.run-count"] = ["0", "1", "2", "3", "4"]
    ask(applied.prefect, f"/automations/{held['id']}", changed, method="PUT")
    capsys.readouterr()
    assert main(["apply"]) == 0
    assert f"{RERUN}: corrected\n" in capsys.readouterr().out
    assert automations(applied)[RERUN]["trigger"]["match"]["prefect.run-count"] == ["1", "2"]


def test_without_a_server_the_command_says_what_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    """A page of traceback would hide a wrong address."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main(["show"]) == 1
    assert "echo $PREFECT_API_URL" in capsys.readouterr().err
