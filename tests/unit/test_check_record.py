"""The record of a test: canonical, complete, and refused where it is not understood."""

from __future__ import annotations

import json

import pytest

from flows.check_model.archive import read_record, run_prefix
from flows.check_model.errors import NoResultError, RecordError
from flows.check_model.measurement import Missing
from flows.check_model.record import CheckRecord, parse
from tests.unit.measurements import measurement
from tests.unit.memory_store import MemoryStore
from tests.unit.records import record


def test_a_record_is_read_back_as_it_was_written() -> None:
    """A baseline would lose what it cannot say in JSON, and every later comparison with it would be wrong."""
    written = record(saturation=Missing(reason="the tool was killed"))
    read = parse(CheckRecord, written.canonical(), key="k")
    assert read == written
    assert read.canonical() == written.canonical()


def test_a_record_holds_what_gates_compare() -> None:
    """The baseline would be compared without its hardware or its weights."""
    assert record().measurement == measurement()


@pytest.mark.parametrize(
    ("field", "value"), [("schema_version", 2), ("schema_name", "slipway.dev/other"), ("unknown", 1)]
)
def test_a_record_of_another_schema_is_refused(field: str, value: object) -> None:
    """A half understood baseline would decide over a release."""
    content = json.dumps({**json.loads(record().canonical()), field: value}).encode()
    with pytest.raises(RecordError, match=rf"result\.json is no record.*{field}.*baseline <model> --run"):
        parse(CheckRecord, content, key="result.json")


def test_a_run_that_was_never_published_is_told_as_such() -> None:
    """An operator would look for a damaged file where there is none."""
    with pytest.raises(NoResultError, match=r"run r has no .*aws s3 ls s3://.*/m/v/$"):
        read_record(MemoryStore(), registered_model="m", version="v", run="r")  # type: ignore[arg-type]


def test_results_are_kept_by_model_version_and_run() -> None:
    """Results went to a third version's name once."""
    assert run_prefix("m", "v", run="r") == "test-results/m/v/r/"
