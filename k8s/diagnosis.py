"""The words for what a workload suffers from: categories for machines, a sentence and a command for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What a workload suffers from; the names are Kubernetes' own where it has one."""

    READY = "Ready"
    RUNNING = "Running"
    STARTING = "Starting"
    PENDING = "Pending"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL = "ImagePull"
    INVALID_IMAGE_NAME = "InvalidImageName"
    CREATE_CONTAINER_CONFIG = "CreateContainerConfigError"
    VOLUME_MOUNT = "FailedMount"
    MULTI_ATTACH = "MultiAttach"
    CLAIM_PENDING = "ClaimPending"
    CLAIM_LOST = "ClaimLost"
    POD_NOT_CREATED = "FailedCreate"
    QUOTA_EXCEEDED = "QuotaExceeded"
    WEBHOOK_REFUSED = "WebhookRefused"
    SERVING_RUNTIME = "ServingRuntime"
    OOM_KILLED = "OOMKilled"
    EVICTED = "Evicted"
    EXIT_CODE = "Error"
    PROBE_FAILED = "ProbeFailed"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    DELETED = "Deleted"
    UNKNOWN = "Unknown"

    # What the storage initializer's log says.
    STORAGE_DENIED = "StorageDenied"
    STORAGE_NOT_FOUND = "StorageNotFound"
    STORAGE_UNREACHABLE = "StorageUnreachable"
    DISK_FULL = "DiskFull"

    # What vLLM's log says.
    GPU_MEMORY = "CudaOutOfMemory"
    KV_CACHE = "KVCacheTooSmall"
    GPU_MISSING = "GPUMissing"
    PARALLELISM = "TensorParallelism"
    ARGUMENT = "EngineArgument"
    QUANTIZATION = "Quantization"
    TOKENIZER = "Tokenizer"
    WEIGHTS = "Weights"
    UNSUPPORTED = "UnsupportedModel"
    SHARED_MEMORY = "SharedMemory"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One finding about a workload.

    Attributes:
        category: whole and stable, for machines.
        transient: True where running the same thing again can succeed without anybody acting.
        sentence: what is wrong, without a full stop.
        next_action: what to do, with the command to type; empty only while all is well.
        failures: how many runs of the container have failed, all in vain.
    """

    category: Category
    transient: bool
    sentence: str
    next_action: str
    failures: int = 0


HEALTHY = frozenset({Category.READY, Category.RUNNING, Category.STARTING, Category.PENDING})
"""Categories that are no trouble: nothing has gone wrong yet."""

HOPELESS_AFTER: Mapping[Category, float] = {
    # The kubelet never retries a name that it cannot parse.
    Category.INVALID_IMAGE_NAME: 0.0,
    # A registry's hiccup looks the same as a wrong name, and the kubelet pulls again after 10, 20 and 40 s.
    Category.IMAGE_PULL: 75.0,
    # These heal by themselves only when an object that is being created right now appears.
    Category.CREATE_CONTAINER_CONFIG: 20.0,
    Category.VOLUME_MOUNT: 45.0,
    Category.POD_NOT_CREATED: 45.0,
    Category.QUOTA_EXCEEDED: 45.0,
    Category.WEBHOOK_REFUSED: 45.0,
}
"""Seconds in one state after which a Job that has not started is given up. Unschedulable is absent: a node can be added
until the very deadline."""

SERVICE_HOPELESS_AFTER: Mapping[Category, float] = {
    **HOPELESS_AFTER,
    # The copy that is replaced holds its GPUs, its quota and its volume until its grace period is over.
    Category.QUOTA_EXCEEDED: 120.0,
    Category.MULTI_ATTACH: 180.0,
    # An autoscaler needs three to eight minutes for a GPU node.
    Category.UNSCHEDULABLE: 600.0,
    Category.CLAIM_PENDING: 120.0,
    Category.CLAIM_LOST: 0.0,
    # Applied just before the service, so it may be a moment behind.
    Category.SERVING_RUNTIME: 20.0,
    # The same bytes into the same limits, with the same arguments, end the same way at every restart.
    Category.OOM_KILLED: 0.0,
    Category.EVICTED: 0.0,
    Category.STORAGE_DENIED: 0.0,
    Category.STORAGE_NOT_FOUND: 0.0,
    Category.DISK_FULL: 0.0,
    Category.KV_CACHE: 0.0,
    Category.GPU_MISSING: 0.0,
    Category.PARALLELISM: 0.0,
    Category.ARGUMENT: 0.0,
    Category.QUANTIZATION: 0.0,
    Category.TOKENIZER: 0.0,
    Category.WEIGHTS: 0.0,
    Category.UNSUPPORTED: 0.0,
    Category.SHARED_MEMORY: 0.0,
}
"""The same for a service, which Kubernetes would restart for ever."""

FAILURES_ALLOWED = 3
"""How many runs of a container may fail before its service is given up, whatever the reason: a store or a node that was
away for a moment is back by the third. The kubelet's pauses between them are 10 and 20 s."""
