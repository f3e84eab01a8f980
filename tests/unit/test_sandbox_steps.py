"""The order in which the sandbox's parts are brought up."""

from __future__ import annotations

from sandbox import steps
from sandbox.errors import SandboxError
from sandbox.steps import Step


def test_failure_stops_only_what_needs_it() -> None:
    """Without this, one broken server would keep the whole sandbox down, or start others that cannot work."""
    ran: list[str] = []

    def fail() -> None:
        raise SandboxError("kube is broken")

    failures = steps.run(
        steps.ordered(
            [
                Step("worker", run=lambda: ran.append("worker"), needs=("cluster", "prefect")),
                Step("cluster", run=lambda: ran.append("cluster"), needs=("kube",)),
                Step("kube", run=fail),
                Step("prefect", run=lambda: ran.append("prefect")),
            ]
        )
    )
    assert ran == ["prefect"]
    assert [str(failure) for failure in failures] == ["kube is broken"]


def test_each_step_follows_those_that_it_needs() -> None:
    """Without this, objects would be applied to a server that is not up."""
    ran: list[str] = []
    steps.run(
        steps.ordered(
            [
                Step("third", run=lambda: ran.append("third"), needs=("second", "not among the steps")),
                Step("second", run=lambda: ran.append("second"), needs=("first",)),
                Step("first", run=lambda: ran.append("first")),
            ]
        )
    )
    assert ran == ["first", "second", "third"]
