"""What a model is to slipway: one frozen `ModelSpec`, made of a section per subject."""

from __future__ import annotations

from deployments.spec.identity import Identity, Quantization
from deployments.spec.model import DERIVED, ModelSpec
from deployments.spec.quality import (
    AccuracyPrimary,
    Benchmark,
    Evaluation,
    Gates,
    Primary,
    ServiceLevel,
    SpeedPrimary,
)
from deployments.spec.serving import Gpus, Mesh, Resources, Serving, Toleration
from deployments.spec.source import Source
from deployments.spec.storage import ClaimStorage, ObjectStorage, Storage

__all__ = [
    "DERIVED",
    "AccuracyPrimary",
    "Benchmark",
    "ClaimStorage",
    "Evaluation",
    "Gates",
    "Gpus",
    "Identity",
    "Mesh",
    "ModelSpec",
    "ObjectStorage",
    "Primary",
    "Quantization",
    "Resources",
    "ServiceLevel",
    "Serving",
    "Source",
    "SpeedPrimary",
    "Storage",
    "Toleration",
]
