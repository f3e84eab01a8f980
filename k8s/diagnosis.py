"""The words for what a Job or pod suffers from: categories for machines, a sentence and a command for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What a Job or pod suffers from; the names are Kubernetes' own where it has one."""

    RUNNING = "Running"
    PENDING = "Pending"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL = "ImagePull"
    INVALID_IMAGE_NAME = "InvalidImageName"
    CREATE_CONTAINER_CONFIG = "CreateContainerConfigError"
    VOLUME_MOUNT = "FailedMount"
    POD_NOT_CREATED = "FailedCreate"
    OOM_KILLED = "OOMKilled"
    EVICTED = "Evicted"
    EXIT_CODE = "Error"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    DELETED = "Deleted"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One finding about a Job.

    Attributes:
        category: whole and stable, for machines.
        transient: True where running the same Job again can succeed without anybody acting.
        sentence: what is wrong, without a full stop.
        next_action: what to do, with the command to type; empty only while the Job runs.
    """

    category: Category
    transient: bool
    sentence: str
    next_action: str


HOPELESS_AFTER: Mapping[Category, float] = {
    # The kubelet never retries a name that it cannot parse.
    Category.INVALID_IMAGE_NAME: 0.0,
    # A registry's hiccup looks the same as a wrong name, and the kubelet pulls again after 10, 20 and 40 s.
    Category.IMAGE_PULL: 75.0,
    # These heal by themselves only when an object that is being created right now appears.
    Category.CREATE_CONTAINER_CONFIG: 20.0,
    Category.VOLUME_MOUNT: 45.0,
    Category.POD_NOT_CREATED: 45.0,
}
"""Seconds in one state after which a Job that has not started is given up. Unschedulable is absent: a node can be added
until the very deadline."""
