"""What stops a measurement from being read: each error names the report, the place in it, and the next command."""

from __future__ import annotations

from blocks.errors import RejectedError

_SHOWN_ERROR = 160


class ReportError(RejectedError):
    """A report cannot be read as what its tool writes; nothing in it counts as measured.

    The system that this one replaces read keys that the report did not have, found no metrics and was green.
    """

    def __init__(self, *, tool: str, report: str, place: str, reason: str) -> None:
        super().__init__(
            tool,
            f"{report} at {place}: {reason}. No metric was taken from it. "
            f"Read it beside the tool's log: python -m json.tool {report}",
        )
        self.report = report
        self.place = place


class UnknownReportVersionError(ReportError):
    """The report's schema is none that was ever checked here."""

    def __init__(self, *, tool: str, report: str, place: str, found: str, known: str) -> None:
        super().__init__(
            tool=tool,
            report=report,
            place=place,
            reason=f"the report has version {found}, and only {known} is known; "
            "pin the tool as requirements/evaluation.txt does",
        )


class EmptyBenchmarkError(ReportError):
    """A benchmark ran without one request that succeeded: its figures are placeholders, not measurements.

    GuideLLM ran green with placeholders when `--model` was not an id of `/v1/models`.
    """

    def __init__(self, *, report: str, place: str, errored: int, incomplete: int, first_error: str | None) -> None:
        said = f", the first with {first_error[:_SHOWN_ERROR]!r}" if first_error else ""
        unknown = "404" in (first_error or "")
        advice = "compare `model` of --backend with the ids of /v1/models" if unknown else "look at the service's log"
        super().__init__(
            tool="GuideLLM",
            report=report,
            place=place,
            reason=f"no request succeeded; {errored} failed and {incomplete} were not finished{said}; {advice}",
        )


class RecordError(RejectedError):
    """A test's record is of a schema that this version does not know, or damaged."""

    def __init__(self, *, key: str, reason: str) -> None:
        super().__init__(
            "test results",
            f"{key} is no record that can be read here ({reason}). Nothing was compared with it. "
            "If it is the baseline, choose another: python -m flows.check_model baseline <model> --run <flow run id>",
        )


class NoResultError(RejectedError):
    """A run has no such file in the bucket: it does not exist, or was never published."""

    def __init__(self, *, run: str, uri: str) -> None:
        super().__init__(
            "test results", f"run {run} has no {uri}. See what there is: aws s3 ls {uri.rsplit('/', 2)[0]}/"
        )
