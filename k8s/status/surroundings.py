"""What is known around an object when it is diagnosed: the cluster's GPUs, claims, and the containers' last words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from k8s.fields import Manifest, name_of
from k8s.gpus import GpuInventory


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a diagnosis may look at besides the object and its events; each part may be unknown.

    Attributes:
        gpus: the cluster's GPUs, None if they could not be read.
        claims: the PersistentVolumeClaims of the namespace.
        logs: the last lines of containers that failed, by pod name and container name, oldest first.
    """

    gpus: GpuInventory | None = None
    claims: Sequence[Manifest] = ()
    logs: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)

    def log(self, pod: Manifest, container: str) -> Sequence[str]:
        """Return what is known of a container's log."""
        return self.logs.get((name_of(pod), container), ())


NOTHING = Surroundings()
