"""Where a test's files are in the bucket, and which runs of a version are its latest and its baseline.

    test-results/{registered model}/{version}/{flow run id}/
        subject.json    what is tested; written before anything is measured
        lm-eval/…       raw results and samples
        guidellm/…      raw reports, a folder for each run of the tool
        plots/…         pictures
        SHA256SUMS      of all other files, as `sha256sum --check` reads it
        result.json     the record, written last: a run without it was not published

Which run is the latest, and which the baseline, is said by two properties of the registry's version: so there is one
place to look, and one to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blocks.errors import NotFoundError
from blocks.registry_entries import RegisteredVersion
from flows.check_model.errors import NoResultError
from flows.check_model.record import CheckRecord, Subject, parse

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

SUBJECT = "subject.json"
RESULT = "result.json"
CHECKSUMS = "SHA256SUMS"
EVALUATION = "lm-eval/"
BENCHMARKS = "guidellm/"
PLOTS = "plots/"

LATEST_PROPERTY = "test_flow_run_id"
BASELINE_PROPERTY = "test_baseline_flow_run_id"

# lm-eval's answers to all of hellaswag are a megabyte.
_LIMIT_BYTES = 64 << 20


def run_prefix(registered_model: str, version: str, *, run: str) -> str:
    """The prefix of one run's files, with the trailing slash."""
    return f"test-results/{registered_model}/{version}/{run}/"


def latest_run(version: RegisteredVersion) -> str | None:
    """The run that was published last; None if none was."""
    return _run_of(version, LATEST_PROPERTY)


def baseline_run(version: RegisteredVersion) -> str | None:
    """The run that later ones are compared with; None if none passed yet."""
    return _run_of(version, BASELINE_PROPERTY)


def read_record(client: StoreClient, *, registered_model: str, version: str, run: str) -> CheckRecord:
    """Read a published run.

    Raises:
        NoResultError: the run was not published.
        RecordError: what is there is of another schema, or of another run.
    """
    key = run_prefix(registered_model, version, run=run) + RESULT
    return parse(CheckRecord, _get(client, key, run=run), key=key)


def read_subject(client: StoreClient, *, registered_model: str, version: str, run: str) -> Subject:
    """Read what a run tested, also of one that was never published.

    Raises:
        NoResultError: there is no such run.
        RecordError: what is there is of another schema.
    """
    key = run_prefix(registered_model, version, run=run) + SUBJECT
    return parse(Subject, _get(client, key, run=run), key=key)


def _get(client: StoreClient, key: str, *, run: str) -> bytes:
    try:
        return client.get(key, limit_bytes=_LIMIT_BYTES)[0]
    except NotFoundError as error:
        raise NoResultError(run=run, uri=f"s3://{client.bucket}/{key}") from error


def _run_of(version: RegisteredVersion, name: str) -> str | None:
    return str(version.properties.get(name) or "") or None
