"""Why an InferenceService cannot be served as it is written; the words go into its status and an event."""

from __future__ import annotations


class InvalidServiceError(Exception):
    """The InferenceService, or the runtime that it names, must be changed first.

    Attributes:
        reason: a reason of KServe's `modelStatus.lastFailureInfo`.
    """

    def __init__(self, message: str, *, reason: str = "InvalidPredictorSpec") -> None:
        super().__init__(message)
        self.reason = reason


class ModeRejectedError(Exception):
    """The InferenceService asks for a deployment mode whose machinery is not there."""

    def __init__(self, *, name: str, mode: str) -> None:
        super().__init__(
            f"the resolved deployment mode of InferenceService '{name}' is {mode}, but only Standard "
            "(RawDeployment) is available here: there is no Knative Serving"
        )
