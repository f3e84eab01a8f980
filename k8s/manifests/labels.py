"""The labels by which people, kubectl and our own flows find what slipway made: pure."""

from __future__ import annotations

from deployments.spec import ModelSpec

MODEL_LABEL = "slipway.dev/model"
"""Carries the catalog key on everything that belongs to one model."""

_SHARED = {"app.kubernetes.io/part-of": "slipway", "app.kubernetes.io/managed-by": "slipway"}


def shared_labels(name: str, *, component: str) -> dict[str, str]:
    """Return the labels of an object that all models share.

    Args:
        name: what it is, for example "vllm".
        component: its role, for example "serving".
    """
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/component": component, **_SHARED}


def model_labels(spec: ModelSpec, *, name: str, component: str) -> dict[str, str]:
    """Return the labels of an object that belongs to one model.

    The version is not among them: a volume outlives a version, and a label that changes cannot be selected by.

    Args:
        spec: the model.
        name: what it is, for example "vllm".
        component: its role, for example "serving".
    """
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": spec.serving.inference_service,
        "app.kubernetes.io/component": component,
        **_SHARED,
        MODEL_LABEL: spec.key,
    }
