"""The last link of a chain: what the last test of these bytes found; pure."""

from __future__ import annotations

from deployments.spec import ModelSpec
from flows.preflight import Finding
from flows.verify_model.facts import Facts
from flows.verify_model.links import broken, digest, fine, run, unasked


def test_link(spec: ModelSpec, facts: Facts) -> Finding:
    """Whether the last published test was of these bytes, and passed; a version without a test is told, not failed."""
    record = facts.test.value
    if facts.test.problem or facts.version.value is None:
        return unasked("test", facts.test.problem, needs="it needs the registry's entry")
    if record is None:
        return fine("test", f"not tested yet: {run('test', spec)}")
    treatment, judgement = record.subject.treatment, record.judgement
    manifest = facts.manifest.value
    if manifest is not None and treatment.manifest_sha256 != manifest.digest():
        said = f"run {record.subject.run} tested manifest {digest(treatment.manifest_sha256)}, the store has "
        return broken("test", f"{said}{digest(manifest.digest())}. Test it: {run('test', spec)}")
    if judgement.verdict.state == "FAILED":
        return broken("test", f"run {record.subject.run}, {record.finished}: {judgement.sentence}")
    return fine("test", f"run {record.subject.run}, {record.finished}: {judgement.sentence}")
