"""Which ServingRuntime serves an InferenceService: the one that it names, or one that offers itself; pure."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.kserve.errors import InvalidServiceError
from sandbox.kube.objects import Object, dig, name_of


def select(service: Object, runtimes: Sequence[Object]) -> Object:
    """Return the runtime.

    Args:
        service: the InferenceService.
        runtimes: those of its namespace.

    Raises:
        InvalidServiceError: there is none that can.
    """
    model = dig(service, "spec.predictor.model")
    if not model:
        raise InvalidServiceError("the sandbox serves predictors with a `model` only")
    if named := model.get("runtime"):
        return _check(next((each for each in runtimes if name_of(each) == named), None), model["modelFormat"])
    offering = [each for each in runtimes if _priority(each, model["modelFormat"]) is not None]
    if not offering:
        raise InvalidServiceError(
            "No runtime found to support specified framework/version", reason="NoSupportingRuntime"
        )
    return max(sorted(offering, key=name_of), key=lambda each: _priority(each, model["modelFormat"]) or 0)


def _check(runtime: Object | None, wanted: Object) -> Object:
    if runtime is None:
        raise InvalidServiceError("Waiting for runtime to become available", reason="RuntimeNotRecognized")
    if dig(runtime, "spec.disabled"):
        raise InvalidServiceError("Specified runtime is disabled", reason="RuntimeDisabled")
    if not any(_supports(entry, wanted) for entry in dig(runtime, "spec.supportedModelFormats") or []):
        raise InvalidServiceError(
            "Specified runtime does not support specified framework/version", reason="NoSupportingRuntime"
        )
    return runtime


def _priority(runtime: Object, wanted: Object) -> int | None:
    """Return with which priority a runtime offers itself for a format, or None."""
    if dig(runtime, "spec.disabled"):
        return None
    offers = [
        entry
        for entry in dig(runtime, "spec.supportedModelFormats") or []
        if entry.get("autoSelect") and _supports(entry, wanted)
    ]
    return max((int(entry.get("priority") or 0) for entry in offers), default=None)


def _supports(entry: Object, wanted: Object) -> bool:
    version = wanted.get("version")
    return bool(entry["name"] == wanted["name"] and (not version or entry.get("version") in {None, version}))
