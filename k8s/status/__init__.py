"""Reads the status of what runs in a cluster, and says what is wrong and what to do: pure."""

from __future__ import annotations

from k8s.status.admission import diagnose_refusal
from k8s.status.deployment import diagnose_deployment, is_rolled_out
from k8s.status.inference_service import diagnose_inference_service, is_ready
from k8s.status.job import diagnose_job
from k8s.status.pod import diagnose_pod
from k8s.status.surroundings import Surroundings
from k8s.status.volumes import diagnose_claim

__all__ = [
    "Surroundings",
    "diagnose_claim",
    "diagnose_deployment",
    "diagnose_inference_service",
    "diagnose_job",
    "diagnose_pod",
    "diagnose_refusal",
    "is_ready",
    "is_rolled_out",
]
