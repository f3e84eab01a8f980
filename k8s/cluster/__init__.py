"""The one client that talks to Kubernetes; no other package imports `kubernetes`."""

from __future__ import annotations

from k8s.cluster.client import Cluster, connect
from k8s.cluster.jobs import JOB_RIGHTS, JobResult, JobWatch
from k8s.cluster.ready import READY_RIGHTS, ReadyResult, ReadyWatch
from k8s.cluster.rights import Right

__all__ = [
    "JOB_RIGHTS",
    "READY_RIGHTS",
    "Cluster",
    "JobResult",
    "JobWatch",
    "ReadyResult",
    "ReadyWatch",
    "Right",
    "connect",
]
