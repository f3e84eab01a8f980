"""Inputs that no manifest can be made of: all permanent."""

from __future__ import annotations

from k8s.errors import ClusterError


class UnusableInputError(ClusterError):
    """A value from the registry or a command line is not what a manifest needs.

    Attributes:
        name: the field of the inputs.
    """

    def __init__(self, *, name: str, value: str, wanted: str) -> None:
        super().__init__(
            f"{name} is {value!r}, but must be {wanted}. The registry's entry of the version has it; "
            "if it is wrong there too, import the model again: prefect deployment run import/<model> --watch"
        )
        self.name = name


class UnusableEndpointError(ClusterError):
    """The object store's address is not one that KServe can be given."""

    def __init__(self, *, host: str, reason: str) -> None:
        super().__init__(
            f"the object store's address (host {host!r}) {reason}. Give http://host:port or https://host:port, "
            "as pods reach it: export AWS_ENDPOINT_URL=http://minio.model-storage.svc:9000"
        )


class NoVolumeError(ClusterError):
    """A volume was asked for, and the model is served from S3."""

    def __init__(self, *, model: str) -> None:
        super().__init__(
            f"{model} is served from S3 and has no volume. To give it one, set storage.serve_from: pvc in "
            f"deployments/models/{model}.yaml, then run: python -m deployments check"
        )


class CapacityError(ClusterError):
    """The engine could not start: its KV cache would not hold one sequence of the longest length.

    Attributes:
        longest: tokens of the longest sequence that would fit; 0 if not even the weights do.
    """

    def __init__(
        self, *, model: str, wanted: int, needed_gib: float, free_gib: float, longest: int, on_gpus: bool
    ) -> None:
        more = "give it more GPUs (gpus.count, --tensor-parallel-size)" if on_gpus else "raise resources.limits.memory"
        remedy = f"lower --max-model-len to {longest} or less, or {more}" if longest else more
        super().__init__(
            f"{model} cannot hold one sequence of {wanted} tokens: it needs {needed_gib:.1f} GiB of KV cache and the "
            f"weights leave about {max(free_gib, 0.0):.1f} GiB. In deployments/models/{model}.yaml {remedy}; "
            "then run: python -m deployments check"
        )
        self.longest = longest
