"""What can keep this machine from being a cluster; every sentence ends in what to do."""

from __future__ import annotations

from pathlib import Path


class MachineError(Exception):
    """The cluster cannot be made, started or stopped here."""


class WrongMachineError(MachineError):
    """This machine cannot run containers for us."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(
            f"no cluster can be made on this machine: {reason}. It takes root on Debian 12; anywhere else name a "
            "cluster that exists: export SLIPWAY_TEST_KUBECONFIG=<its kubeconfig>"
        )


class PackagesError(WrongMachineError):
    """Debian's packages cannot be had here."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=f"its apt does not bring Debian's packages: {reason}")


class CommandFailedError(MachineError):
    """A tool said no."""

    def __init__(self, *, command: str, code: int, said: str) -> None:
        super().__init__(f"`{command}` failed with code {code}: {said}. Run it by hand to see more")
        self.said = said


class TooSlowError(MachineError):
    """A tool did not end in time."""

    def __init__(self, *, command: str, seconds: float) -> None:
        super().__init__(f"`{command}` did not end within {seconds:.0f} s. Run it by hand to see what it waits for")


class NotReadyError(MachineError):
    """A component did not become ready in time, or ended."""

    def __init__(self, *, component: str, reason: str, log: Path) -> None:
        super().__init__(f"{component} is not ready: {reason}. Read its log: tail -n 50 {log}")
        self.log = log


class OtherClusterError(WrongMachineError):
    """Another cluster of ours is on this machine."""

    def __init__(self, *, root: Path) -> None:
        super().__init__(
            reason=f"the cluster of {root} is on it already (end it: SLIPWAY_CLUSTER_STATE={root} make cluster-down)"
        )


class ForeignStateError(MachineError):
    """The state folder holds something that we did not make."""

    def __init__(self, *, folder: Path) -> None:
        super().__init__(
            f"{folder} holds something else than a cluster of ours, and is left alone. Name another folder: "
            "export SLIPWAY_CLUSTER_STATE=<folder>"
        )


class LeftoverError(MachineError):
    """Something of the cluster outlived `down`."""

    def __init__(self, *, what: str) -> None:
        super().__init__(f"something of the cluster is still there: {what}. Try again: make cluster-down")


class DefinitionRefusedError(MachineError):
    """The API refused a resource definition."""

    def __init__(self, *, file: Path, reason: str) -> None:
        super().__init__(
            f"the API refuses {file} ({reason}). Kubernetes 1.20 knows less than newer releases; see its words: "
            f"kubectl create --dry-run=server -f {file}"
        )
