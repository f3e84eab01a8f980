"""Preflight: every problem at once, and defects of ours never dressed up as one."""

from __future__ import annotations

import pytest

from blocks.errors import AccessDeniedError, BlockError, UnavailableError
from flows.preflight import Check, PreflightError, PreflightUnavailableError, refuse_problems, run_checks, table


def fine() -> str:
    """Find nothing wrong."""
    return "reachable"


def denied() -> str:
    """Find a missing right."""
    raise AccessDeniedError("object store", "the key may not write; ask for s3:PutObject")


def away() -> str:
    """Find a system that does not answer."""
    raise UnavailableError("model registry", "no answer at http://registry; is it up?")


def test_all_problems_are_told_at_once() -> None:
    """If the first problem hid the others, a user would mend and wait several times."""
    findings = run_checks([Check("hub", fine), Check("store", denied), Check("registry", away)], errors=(BlockError,))
    with pytest.raises(PreflightError) as caught:
        refuse_problems(findings, doing="importing", model="quantized")
    assert caught.value.problems == (
        "[store] object store: the key may not write; ask for s3:PutObject",
        "[registry] model registry: no answer at http://registry; is it up?",
    )
    assert not caught.value.transient


def test_only_passing_troubles_are_worth_another_try() -> None:
    """If a restart of the registry failed an import for good, nightly runs would page somebody."""
    with pytest.raises(PreflightUnavailableError) as caught:
        refuse_problems(
            run_checks([Check("registry", away)], errors=(BlockError,)), doing="importing", model="quantized"
        )
    assert caught.value.transient


def test_a_defect_of_ours_is_raised_as_it_is() -> None:
    """If any exception became a finding, our own bugs would be told as the user's problem."""

    def broken() -> str:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        run_checks([Check("hub", broken)], errors=(BlockError,))


def test_the_table_has_a_row_a_check() -> None:
    """If passed checks were left out, a user could not see what was looked at."""
    assert table(run_checks([Check("hub", fine), Check("store", denied)], errors=(BlockError,))) == [
        {"check": "hub", "state": "ok", "detail": "reachable"},
        {"check": "store", "state": "PROBLEM", "detail": "object store: the key may not write; ask for s3:PutObject"},
    ]
