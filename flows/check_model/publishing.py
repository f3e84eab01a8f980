"""Writes a test to S3: pictures, the list of checksums, and the record last, so that it is whole where it is there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING

from deployments import VERSION
from flows.check_model.archive import BENCHMARKS, CHECKSUMS, EVALUATION, RESULT, SUBJECT, run_prefix
from flows.check_model.gate import Judgement
from flows.check_model.inside.upload import content_type
from flows.check_model.measurement import Measurement, Missing
from flows.check_model.measuring import PROBLEM
from flows.check_model.record import CheckRecord, Subject
from flows.check_model.tools import ToolRun

if TYPE_CHECKING:
    from blocks.object_store import StoreClient


def prefix_of(subject: Subject) -> str:
    """The prefix of a test's files."""
    return run_prefix(subject.registered_model, subject.version, run=subject.run)


def keep_subject(client: StoreClient, subject: Subject) -> None:
    """Write down what is about to be tested, so that reports without a result still tell of what they are."""
    client.put(prefix_of(subject) + SUBJECT, subject.canonical(), content_type=content_type(SUBJECT))


def keep_problem(client: StoreClient, subject: Subject, *, tool: ToolRun, problem: str) -> None:
    """Write down why a tool's run is missing, beside whatever it left."""
    key = f"{prefix_of(subject)}{tool.name}/{PROBLEM}"
    client.put(key, problem.encode(), content_type=content_type(PROBLEM))


def write_record(
    client: StoreClient, *, subject: Subject, measurement: Measurement, judgement: Judgement, published_by: str
) -> CheckRecord:
    """Put a record together; when the measurement ended is read from its newest report."""
    now, prefix = datetime.now(UTC), prefix_of(subject)
    written = [
        entry.modified for folder in (EVALUATION, BENCHMARKS) for entry in client.list(prefix + folder)
    ]  # fmt: skip
    return CheckRecord(
        subject=subject,
        evaluation=measurement.evaluation,
        benchmarks=measurement.benchmarks,
        saturation=measurement.saturation,
        judgement=judgement,
        tools=_tools(measurement, subject=subject),
        finished=max(written, default=now).isoformat(timespec="seconds"),
        published=now.isoformat(timespec="seconds"),
        published_by=published_by,
    )


def publish(client: StoreClient, record: CheckRecord, *, pictures: Mapping[str, bytes]) -> str:
    """Write a record with its pictures, and return the URI of everything.

    Args:
        client: the bucket.
        record: the test.
        pictures: PNG files by their names below the prefix.
    """
    prefix, result = prefix_of(record.subject), record.canonical()
    for name, content in pictures.items():
        digest = hashlib.sha256(content).hexdigest()
        client.put(prefix + name, content, metadata={"sha256": digest}, content_type=content_type(name))
    sums = _checksums(client, prefix) | {RESULT: hashlib.sha256(result).hexdigest()}
    listed = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    client.put(prefix + CHECKSUMS, listed.encode(), content_type="text/plain")
    client.put(prefix + RESULT, result, content_type=content_type(RESULT))
    return f"s3://{client.bucket}/{prefix}"


def _checksums(client: StoreClient, prefix: str) -> dict[str, str]:
    """SHA-256 of every file of a run; whoever wrote a large one has left it in the object's metadata."""
    sums = {}
    for entry in client.list(prefix):
        name = entry.key.removeprefix(prefix)
        if name not in (CHECKSUMS, RESULT):
            head = client.head(entry.key)
            known = head.metadata.get("sha256") if head else None
            sums[name] = known or hashlib.sha256(client.get(entry.key, limit_bytes=entry.size)[0]).hexdigest()
    return sums


def _tools(measurement: Measurement, *, subject: Subject) -> dict[str, str]:
    parts = {"lm-eval": measurement.evaluation, "GuideLLM": measurement.benchmarks}
    return {
        **{name: part.setup.version for name, part in parts.items() if not isinstance(part, Missing)},
        "vLLM": subject.engine,
        "slipway": VERSION,
        "prefect": metadata.version("prefect"),
    }
