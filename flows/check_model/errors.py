"""What stops a measurement from being read: each error names the report, the place in it, and the next command."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.errors import BlockError, RejectedError, UnavailableError

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


class NotServingError(RejectedError):
    """There is no service to test."""

    def __init__(self, *, service: str, namespace: str, model: str, reason: str) -> None:
        super().__init__(
            "service",
            f"{service} in {namespace} {reason}. Nothing was measured. "
            f"Deploy it: prefect deployment run deploy/{model} --watch",
        )


class ServedWeightsError(RejectedError):
    """The service has other bytes than the registry's: its results would be written to the wrong model."""

    def __init__(self, *, service: str, model: str, served: str, registered: str) -> None:
        super().__init__(
            "service",
            f"{service} serves manifest {served[:12] or 'of no name'}, the registry has {registered[:12]}. "
            f"Nothing was measured. Deploy what is registered: prefect deployment run deploy/{model} --watch",
        )


class NoChatError(RejectedError):
    """The service completes prompts and answers no chat, which GuideLLM asks for."""

    def __init__(self, *, url: str) -> None:
        super().__init__(
            "served model",
            f"{url} gave an empty answer in a chat, so its speed cannot be measured. "
            f"See whether the model has a chat template: curl {url}/v1/chat/completions",
        )


class BusyServiceError(UnavailableError):
    """Somebody else uses the service: a benchmark would measure both."""

    def __init__(self, *, url: str, running: int, waiting: int) -> None:
        super().__init__(
            "served model",
            f"{url} is busy: it works on {running} requests and {waiting} wait. Test it in a quiet hour, "
            f"or see who asks: curl {url}/metrics",
        )


class NoEngineMetricsError(RejectedError):
    """The service's metrics are not those of vLLM, so nobody can say whether it is idle."""

    def __init__(self, *, url: str, missing: list[str]) -> None:
        super().__init__(
            "served model",
            f"{url}/metrics has no {' and no '.join(f'vllm:{name}' for name in missing)}: it is not vLLM, or a version "
            f"with other names. Read them: curl {url}/metrics",
        )


class NoTokenizerError(RejectedError):
    """The tokenizer of the version under test cannot be brought to the tools."""

    def __init__(self, *, uri: str, reason: str) -> None:
        super().__init__(
            "test materials",
            f"{uri}: {reason}. Prove the version: prefect deployment run verify/<model> --watch",
        )


class NoTaskDataError(RejectedError):
    """The tasks' data shall come from the bucket, and nobody put it there."""

    def __init__(self, *, uri: str) -> None:
        super().__init__(
            "test materials",
            f"{uri} has no files. Put the tasks' data there, from a cluster that reaches the Hub: "
            "python -m flows.check_model data <model>; or unset SLIPWAY_TASK_DATA",
        )


class NoAuthoritiesError(RejectedError):
    """A flow trusts certificate authorities of its own, and its Jobs know none."""

    def __init__(self) -> None:
        super().__init__(
            "test materials",
            "SLIPWAY_CA_BUNDLE is set where the flow runs, and not where its Jobs run. "
            "Set it in .env, then run: python -m flows.apply_platform",
        )


class RegistryUntoldError(RejectedError):
    """A test was measured and is in S3, and the registry does not know of it."""

    def __init__(self, *, error: BlockError, uri: str, model: str, run: str) -> None:
        super().__init__(
            "test results",
            f"they are whole at {uri}, and the registry was not told ({error}). When it answers, publish them again: "
            f"prefect deployment run test/{model} --param from_run={run} --watch",
        )
        self.transient = error.transient


class UnfitBaselineError(RejectedError):
    """A run that was not measured whole, or breaks a limit, would be a baseline that everything passes."""

    def __init__(self, *, run: str, reason: str) -> None:
        super().__init__(
            "test results",
            f"run {run} cannot be a baseline: {reason}. The baseline stays. "
            "Choose another: prefect flow-run ls --flow-name test",
        )


class NoisyBaselineError(RejectedError):
    """A run's repeats scatter so much that a regression from it would be taken for noise, and nobody accepted that."""

    def __init__(self, *, run: str, model: str, noise: Sequence[str]) -> None:
        super().__init__(
            "test results",
            f"run {run} is too noisy to be a baseline: {'; '.join(noise)}. The baseline stays. Test in a "
            f"quiet hour: prefect deployment run test/{model} --watch; or accept the noise: "
            f"python -m flows.check_model baseline {model} --run {run} --noisy",
        )


class NotRegisteredError(RejectedError):
    """The registry does not know the version whose baseline is to be replaced."""

    def __init__(self, *, name: str, model: str) -> None:
        super().__init__(
            "model registry", f"it does not know {name}. Import it: prefect deployment run import/{model} --watch"
        )
