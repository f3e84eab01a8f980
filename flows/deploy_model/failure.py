"""The report of a failed deploy: the diagnosis first, then what was kept and what serves now: pure."""

from __future__ import annotations

from deployments.spec import ModelSpec
from flows.deploy_model.recovery import Evidence, Restoration
from k8s.errors import AdmissionError, DiagnosedError

_SHOWN_LINES = 25


def failure_markdown(
    spec: ModelSpec, error: Exception, *, evidence: Evidence, restoration: Restoration, endpoint: str
) -> str:
    """Render a failure for people.

    Args:
        spec: the model.
        error: why it failed.
        evidence: what was kept of it.
        restoration: what serves now.
        endpoint: the object store's address.
    """
    diagnosis = error.diagnosis if isinstance(error, DiagnosedError | AdmissionError) else None
    lines = []
    if diagnosis:
        lines += [
            f"**{diagnosis.sentence}.**",
            "",
            f"{diagnosis.next_action}.",
            "",
            f"Category: `{diagnosis.category}`",
        ]
    else:
        lines += [f"**{error}**"]
    lines += ["", f"deploy/{spec.key} failed. {restoration.sentence}.", ""]
    tail = error.log_tail[-_SHOWN_LINES:] if isinstance(error, DiagnosedError) else ()
    if tail:
        lines += ["Last lines of the log:", "", "```text", *(line.replace("```", "'''") for line in tail), "```", ""]
    if evidence.problem:
        lines += [f"No evidence was kept: {evidence.problem}", ""]
    else:
        lines += [f"Evidence, in `{evidence.uri}`:", "", *(f"- `{name}`" for name in evidence.files), ""]
        lines += ["```sh", f"aws s3 cp --recursive --endpoint-url {endpoint} {evidence.uri} evidence/", "```", ""]
    return "\n".join(lines)
